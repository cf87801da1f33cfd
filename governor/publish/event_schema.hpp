// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

/// What to_json() can produce, for those who read it. Pure, for any thread.
namespace governor::publish {

/// policies::event_type_names().
const std::vector<std::string>& event_types();

/// The JSON Schema (draft 2020-12) of an event. Every key is in it with its type and meaning, and no other is
/// allowed; enumerations have all their values.
nlohmann::ordered_json event_schema();

}  // namespace governor::publish
