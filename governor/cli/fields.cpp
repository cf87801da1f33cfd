// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/fields.hpp"

#include "policies/bytes.hpp"

#include <chrono>

namespace governor::cli {

using nlohmann::json;

const json& member(const json& object, const char* key) {
    static const json kNothing;
    if (!object.is_object()) return kNothing;
    const auto found = object.find(key);
    return found == object.end() ? kNothing : *found;
}

std::string text_field(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

bool flag_field(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_boolean() && value.get<bool>();
}

std::int64_t integer_field(const json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_number() ? value.get<std::int64_t>() : 0;
}

std::string size_field(const json& object, const char* key, const std::string& absent) {
    const auto& value = member(object, key);
    return value.is_number() ? to_string(policies::Bytes{value.get<std::uint64_t>()}) : absent;
}

std::string milliseconds_field(const json& object, const char* key, const std::string& absent) {
    constexpr std::int64_t kLongest = 1'000LL * 3600 * 24 * 3650;
    const auto& value = member(object, key);
    if (!value.is_number()) return absent;
    const auto count = value.get<std::int64_t>();
    // Beyond ten years nanoseconds come near their end, and nobody asks.
    return count > kLongest ? ">10y" : policies::to_string(std::chrono::milliseconds(count));
}

std::string growth_field(const json& object, const char* key) {
    const auto value = integer_field(object, key);
    if (value == 0) return "-";
    const auto magnitude =
        value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    return (value < 0 ? "-" : "+") + to_string(policies::Bytes{magnitude}) + "/s";
}

}  // namespace governor::cli
