// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace policies {

/// Every value of an event's JSON that a template can name, as a dotted path: "reason.measured.text". A list
/// (`evidence`, `samples`) is one value.
std::span<const std::string_view> event_field_names();

}  // namespace policies
