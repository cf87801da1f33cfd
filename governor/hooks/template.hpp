// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace governor::hooks {

/// Whether a body of that type is JSON: "application/json; charset=utf-8", "application/ld+json". Pure.
bool is_json_type(std::string_view content_type);

/// `text` with every `{{ dotted.path }}` replaced by what the event has there; nothing when it has nothing.
/// Objects and arrays are compact JSON. In a template of JSON (`as_json`) everything is escaped so that it
/// can stand between the template's quotes; outside of quotes objects and arrays stand as they are. `{{`
/// without its end is left as it is. Pure, never throws, for any thread.
std::string fill_template(std::string_view text, const nlohmann::json& event, bool as_json);

}  // namespace governor::hooks
