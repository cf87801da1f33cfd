// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace governor::cli {

/// The daemon's answers, for people. Lenient about missing fields.
std::string status_text(const Console& console, const nlohmann::json& status);
std::string explain_text(const Console& console, const nlohmann::json& explanation);
/// An event's JSON as one line: time, service, type, why, numbers.
std::string event_text(const Console& console, const nlohmann::json& event);

}  // namespace governor::cli
