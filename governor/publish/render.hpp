// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/publish/record.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

/// The forms of a Record. Pure functions, for any thread.
namespace governor::publish {

/// "2026-05-01T02:14:07.123Z"
std::string rfc3339(std::chrono::system_clock::time_point time);

/// The keys are API. What is at its default is left out; sizes are bytes, null for "no limit"; times in "_ms"
/// are numbers that may have a fraction (a brake of 0.12 ms is worth telling).
nlohmann::json to_json(const Record& record);

/// to_json() on one line, without a newline. Never throws: bytes that are not UTF-8 are replaced.
std::string to_json_line(const Record& record);

/// One line for a person: when, which service, what happened, why, with numbers. No newline, no control
/// characters.
std::string to_text(const Record& record);

}  // namespace governor::publish
