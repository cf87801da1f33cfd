// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/quantity.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The text of a webhook's own: plain text with {{ fields }} of the event in it.
namespace policies {

/// A piece of plain text, or the name of a field (policies/event_fields.hpp) that stands in its place.
struct TemplatePart {
    std::string text;
    bool field = false;
    bool operator==(const TemplatePart&) const = default;
};

/// Takes a template apart. Refused: `{{` without its `}}`, and what cannot be a name between them. Whether a
/// field of that name exists is not looked at. The message of what is refused quotes nothing.
Parsed<std::vector<TemplatePart>> parse_template(std::string_view text);

}  // namespace policies
