// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/bytes.hpp"
#include "policies/policy.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// What people write for amounts: "2GiB", "90%", "1h30m". The same readers serve the policy files and the
/// command line.
namespace policies {

/// A value, or why there is none. `message` continues "<text> ...": "is not a size: ...".
template <class T>
struct Parsed {
    std::optional<T> value;
    std::string message;
    std::string hint;
    explicit operator bool() const { return value.has_value(); }
};

/// Sizes above this are refused: the kernel and Docker count memory in signed 64-bit numbers.
inline constexpr Bytes kLargestSize{std::uint64_t{1} << 62U};
inline constexpr std::chrono::milliseconds kLongestDuration = std::chrono::hours(24 * 3650);

/// "2GiB", "2g", "1.5 GiB", "512mb", "1048576". Every unit counts in 1024s, as in Compose: 1kb is 1KiB.
Parsed<Bytes> parse_bytes(std::string_view text);
/// "90%", "87.5%"; up to 1000%, because what is too much depends on the key.
Parsed<Permille> parse_share(std::string_view text);
/// Either of the two.
Parsed<Size> parse_size(std::string_view text);
/// As people write it: "2GiB" or "90%".
std::string to_string(const Size& size);
/// "250ms", "10s", "1.5s", "1h30m", "1d". A number alone is refused, except 0.
Parsed<std::chrono::milliseconds> parse_duration(std::string_view text);
/// A whole number from `lowest` to `highest`.
Parsed<int> parse_integer(std::string_view text, int lowest, int highest);

}  // namespace policies
