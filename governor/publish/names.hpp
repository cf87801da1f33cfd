// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor::publish {

/// The names of all values of an enumeration that has a policies::to_string() and counts up from 0, in its
/// order. Pure.
template <class Enum>
std::vector<std::string> names_of() {
    constexpr int kMost = 256;
    std::vector<std::string> names;
    for (int value = 0; value < kMost; ++value) {
        const std::string_view name = policies::to_string(static_cast<Enum>(value));
        // What is no value is "unknown"; StopHandling's first is really named so.
        if (value > 0 && name == "unknown") break;
        names.emplace_back(name);
    }
    return names;
}

/// The value of that name.
template <class Enum>
std::optional<Enum> named(std::string_view name) {
    const std::vector<std::string> names = names_of<Enum>();
    for (std::size_t value = 0; value < names.size(); ++value)
        if (names[value] == name) return static_cast<Enum>(value);
    return std::nullopt;
}

}  // namespace governor::publish
