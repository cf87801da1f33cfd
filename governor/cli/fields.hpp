// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

/// Reads a daemon's answer that may come from another version of the governor: what is missing, or of another
/// type, is absent and never an exception.
namespace governor::cli {

/// The member, or null.
const nlohmann::json& member(const nlohmann::json& object, const char* key);
/// Empty when it is not a string.
std::string text_field(const nlohmann::json& object, const char* key);
bool flag_field(const nlohmann::json& object, const char* key);
/// 0 when it is not a number.
std::int64_t integer_field(const nlohmann::json& object, const char* key);

/// "1.5GiB"; `absent` when it is null or missing.
std::string size_field(const nlohmann::json& object, const char* key, const std::string& absent);
/// "15s"; `absent` when it is null or missing.
std::string milliseconds_field(const nlohmann::json& object, const char* key, const std::string& absent);
/// "+12MiB/s", "-3KiB/s"; "-" for none.
std::string growth_field(const nlohmann::json& object, const char* key);

}  // namespace governor::cli
