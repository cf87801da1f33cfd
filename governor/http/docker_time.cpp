// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_time.hpp"

#include "governor/docker/types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace governor::http {
namespace {

using Nanos = std::chrono::nanoseconds;

/// 64-bit nanoseconds end in 2262; seconds beyond that are a mistake (milliseconds, as a rule).
constexpr std::int64_t kMostSeconds = 9'000'000'000;
/// 63 years; the sum of two such durations still fits.
constexpr Nanos kLongest = std::chrono::seconds(2'000'000'000);
constexpr std::size_t kNanosDigits = 9;

std::optional<std::int64_t> take_digits(std::string_view& text) {
    std::int64_t value = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    return value;
}

/// What follows the point, as a part of `unit`; digits beyond the nanoseconds are cut off.
std::optional<Nanos> take_fraction(std::string_view& text, Nanos unit) {
    if (text.empty() || text.front() != '.') return Nanos{0};
    text.remove_prefix(1);
    const auto length = std::min(text.find_first_not_of("0123456789"), text.size());
    if (length == 0) return std::nullopt;
    std::int64_t value = 0;
    std::int64_t scale = 1;
    for (const char digit : text.substr(0, std::min(length, kNanosDigits))) {
        value = value * 10 + (digit - '0');
        scale *= 10;
    }
    text.remove_prefix(length);
    // Hours in nanoseconds times nine digits do not fit an integer.
    return Nanos(static_cast<std::int64_t>(static_cast<long double>(unit.count()) * value / scale));
}

std::optional<WallTime> parse_unix(std::string_view text) {
    const auto seconds = text.empty() ? std::nullopt : take_digits(text);
    if (!seconds || *seconds > kMostSeconds) return std::nullopt;
    const auto fraction = take_fraction(text, std::chrono::seconds(1));
    if (!fraction || !text.empty()) return std::nullopt;
    return WallTime(std::chrono::seconds(*seconds) + *fraction);
}

std::optional<Nanos> take_unit(std::string_view& text) {
    using namespace std::chrono_literals;
    // "ms" before "m".
    constexpr std::array<std::pair<std::string_view, Nanos>, 7> kUnits{
        {{"ns", 1ns}, {"us", 1us}, {"µs", 1us}, {"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}}};
    for (const auto& [name, unit] : kUnits)
        if (text.starts_with(name)) {
            text.remove_prefix(name.size());
            return unit;
        }
    return std::nullopt;
}

/// "1h30m"
std::optional<Nanos> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    Nanos total{0};
    while (!text.empty()) {
        const auto count = take_digits(text);
        if (!count) return std::nullopt;
        const std::string_view before_fraction = text;
        if (!take_fraction(text, Nanos{1})) return std::nullopt;
        const auto unit = take_unit(text);
        if (!unit || *count > kLongest / *unit) return std::nullopt;
        std::string_view again = before_fraction;
        total += *unit * *count + take_fraction(again, *unit).value_or(Nanos{0});
        if (total > kLongest) return std::nullopt;
    }
    return total;
}

std::optional<WallTime> parse_date(std::string_view text) {
    constexpr std::size_t kDateLength = 10;
    std::string full(text);
    if (text.size() == kDateLength) full += "T00:00:00";
    const std::string_view time = std::string_view(full).substr(std::min(kDateLength, full.size()));
    if (time.find_first_of("Zz+-") == std::string_view::npos) full += "Z";
    return docker::parse_time(full);
}

}  // namespace

tl::expected<WallTime, std::string> parse_event_time(std::string_view text, WallTime now) {
    if (const auto time = parse_unix(text)) return *time;
    if (const auto back = parse_duration(text)) return now - *back;
    if (const auto time = parse_date(text)) return *time;
    return tl::make_unexpected("\"" + std::string(text) +
                               "\" is not a time: give Unix seconds (1700000000.5), RFC 3339 "
                               "(2026-05-01T02:14:07Z) or a duration (10m)");
}

}  // namespace governor::http
