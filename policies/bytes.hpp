// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace policies {

/// An amount of memory. A type of its own, so that a size can never be passed where a count or a percentage
/// is meant.
struct Bytes {
    std::uint64_t value = 0;

    constexpr auto operator<=>(const Bytes&) const = default;
    constexpr Bytes operator+(Bytes other) const { return {value + other.value}; }
    /// Never wraps: what would be negative is 0, because "how much is left" is the question that is asked.
    constexpr Bytes operator-(Bytes other) const { return {value > other.value ? value - other.value : 0}; }
};

constexpr Bytes operator""_KiB(unsigned long long n) {
    return {n << 10U};
}
constexpr Bytes operator""_MiB(unsigned long long n) {
    return {n << 20U};
}
constexpr Bytes operator""_GiB(unsigned long long n) {
    return {n << 30U};
}

/// The kernel's "max": no limit.
inline constexpr Bytes kUnlimited{std::numeric_limits<std::uint64_t>::max()};

/// A share in thousandths: fine enough for "87.5%", exact in comparisons.
struct Permille {
    std::int32_t value = 0;
    constexpr auto operator<=>(const Permille&) const = default;
};

/// `share` of `base`, rounded down, without overflow for any base (kUnlimited stays unlimited).
constexpr Bytes share_of(Bytes base, Permille share) {
    if (base == kUnlimited) return base;
    const auto permille = static_cast<std::uint64_t>(share.value < 0 ? 0 : share.value);
    return {base.value / 1000 * permille + base.value % 1000 * permille / 1000};
}

/// "1.5GiB", "230.4MiB", "max": three significant places, for people.
std::string to_string(Bytes bytes);
/// Both for people; in exact bytes where rounding would make two different amounts look the same.
std::pair<std::string, std::string> told_apart(Bytes a, Bytes b);
/// "90%", "87.5%".
std::string to_string(Permille share);
/// "250ms", "10s", "6h".
std::string to_string(std::chrono::nanoseconds duration);

}  // namespace policies
