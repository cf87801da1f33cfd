// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/quantity.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace policies {
namespace {

/// A decimal number as written: no sign, no exponent, no hex, at most three decimals. Not a floating-point
/// number, so that "0.1" is exact and neither "nan" nor "inf" can come in.
struct Number {
    std::uint64_t whole = 0;
    std::uint64_t thousandths = 0;
    std::string_view rest;
};

constexpr const char* kSizeExamples = "write for example 2GiB, 512MiB, 1073741824 or 90%";
constexpr const char* kDurationExamples = "write for example 250ms, 10s, 5m, 6h, 1d or 1h30m";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowercase(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = lower(c);
    return out;
}

std::string in_quotes(std::string_view text) {
    return "'" + std::string(text) + "'";
}

/// Takes the number off the front. The message is empty when it is good.
std::string take_number(std::string_view text, Number& out) {
    if (text.empty()) return "is empty";
    if (text.front() == '-') return "is negative";
    if (!is_digit(text.front())) return "does not begin with a number";
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, out.whole);
    if (parsed.ec != std::errc{}) return "is too large";
    out.rest = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()));
    if (out.rest.empty() || out.rest.front() != '.') return {};
    out.rest.remove_prefix(1);
    std::uint64_t weight = 100;
    std::size_t digits = 0;
    for (; digits < out.rest.size() && is_digit(out.rest[digits]); ++digits) {
        if (digits == 3) return "has more than three decimals";
        out.thousandths += weight * static_cast<std::uint64_t>(out.rest[digits] - '0');
        weight /= 10;
    }
    if (digits == 0) return "has no digit after the point";
    out.rest.remove_prefix(digits);
    return {};
}

/// whole.thousandths x unit, rounded down; nothing when it is above the limit. The units are at most 2^50.
std::optional<std::uint64_t> scaled(const Number& number, std::uint64_t unit, std::uint64_t limit) {
    if (number.whole > limit / unit) return std::nullopt;
    const auto value = number.whole * unit + number.thousandths * unit / 1000;
    return value <= limit ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> size_unit(std::string_view text) {
    static constexpr std::array<std::pair<char, unsigned>, 5> kPrefixes{
        {{'k', 10}, {'m', 20}, {'g', 30}, {'t', 40}, {'p', 50}}};
    const auto unit = lowercase(text);
    if (unit.empty() || unit == "b") return 1;
    for (const auto& [prefix, shift] : kPrefixes) {
        if (unit.front() != prefix) continue;
        const auto tail = std::string_view(unit).substr(1);
        if (tail.empty() || tail == "b" || tail == "ib") return std::uint64_t{1} << shift;
    }
    return std::nullopt;
}

struct DurationUnit {
    std::string_view name;
    std::uint64_t millis;
};
constexpr std::array<DurationUnit, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

template <class T>
Parsed<T> refused(std::string message, std::string hint) {
    return {std::nullopt, std::move(message), std::move(hint)};
}

/// The index of the unit at the front of `text`, which loses it.
std::optional<std::size_t> take_duration_unit(std::string_view& text) {
    std::size_t length = 0;
    while (length < text.size() && !is_digit(text[length])) ++length;
    const auto name = lowercase(text.substr(0, length));
    for (std::size_t i = 0; i < kDurationUnits.size(); ++i) {
        if (kDurationUnits[i].name != name) continue;
        text.remove_prefix(length);
        return i;
    }
    return std::nullopt;
}

}  // namespace

Parsed<Bytes> parse_bytes(std::string_view text) {
    Number number;
    if (auto wrong = take_number(text, number); !wrong.empty()) {
        return refused<Bytes>("is not a size: it " + wrong, kSizeExamples);
    }
    auto rest = number.rest;
    if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    const auto unit = size_unit(rest);
    if (!unit) {
        return refused<Bytes>(
            "is not a size: unknown unit " + in_quotes(rest),
            "the units are k, m, g, t, p, also as KiB or KB; all count in 1024s, as in Compose");
    }
    if (*unit == 1 && number.thousandths != 0) {
        return refused<Bytes>("is not a size: there are no parts of a byte", kSizeExamples);
    }
    const auto value = scaled(number, *unit, kLargestSize.value);
    if (!value)
        return refused<Bytes>("is too large: no machine has more than " + to_string(kLargestSize), "");
    return {Bytes{*value}, {}, {}};
}

Parsed<Permille> parse_share(std::string_view text) {
    constexpr const char* kExamples = "write for example 90% or 87.5%";
    Number number;
    if (auto wrong = take_number(text, number); !wrong.empty()) {
        return refused<Permille>("is not a percentage: it " + wrong, kExamples);
    }
    if (number.rest.empty()) return refused<Permille>("is not a percentage: the % is missing", kExamples);
    if (number.rest != "%") {
        return refused<Permille>("is not a percentage: " + in_quotes(number.rest) + " after the number",
                                 kExamples);
    }
    if (number.thousandths % 100 != 0) {
        return refused<Permille>("is too fine: percentages have one decimal at most", kExamples);
    }
    const auto value = scaled(number, 10, 10'000);
    if (!value) return refused<Permille>("is too large: the most that makes sense is 1000%", "");
    return {Permille{static_cast<std::int32_t>(*value)}, {}, {}};
}

Parsed<Size> parse_size(std::string_view text) {
    if (text.ends_with('%')) {
        auto share = parse_share(text);
        if (!share) return refused<Size>(std::move(share.message), std::move(share.hint));
        return {Size{.bytes = {}, .share = *share.value}, {}, {}};
    }
    auto bytes = parse_bytes(text);
    if (!bytes) return refused<Size>(std::move(bytes.message), std::move(bytes.hint));
    return {Size{.bytes = *bytes.value, .share = std::nullopt}, {}, {}};
}

std::string to_string(const Size& size) {
    return size.share ? to_string(*size.share) : to_string(size.bytes);
}

Parsed<std::chrono::milliseconds> parse_duration(std::string_view text) {
    using std::chrono::milliseconds;
    constexpr const char* kNot = "is not a duration: ";
    const auto limit = static_cast<std::uint64_t>(kLongestDuration.count());
    if (text == "0") return {milliseconds{0}, {}, {}};
    std::uint64_t total = 0;
    std::size_t next_unit = 0;
    auto rest = text;
    do {
        Number number;
        if (auto wrong = take_number(rest, number); !wrong.empty()) {
            return refused<milliseconds>(kNot + ("it " + wrong), kDurationExamples);
        }
        rest = number.rest;
        if (rest.empty()) {
            return refused<milliseconds>(kNot + std::string("it has no unit"), kDurationExamples);
        }
        const auto unit = take_duration_unit(rest);
        if (!unit) {
            return refused<milliseconds>(kNot + ("unknown unit " + in_quotes(rest)),
                                         "the units are ms, s, m (minutes), h and d");
        }
        if (*unit < next_unit) {
            return refused<milliseconds>(kNot + std::string("its units do not go from large to small"),
                                         kDurationExamples);
        }
        next_unit = *unit + 1;
        const auto millis = kDurationUnits[*unit].millis;
        if (number.thousandths * millis % 1000 != 0) {
            return refused<milliseconds>("is too fine: the smallest step is 1ms", kDurationExamples);
        }
        const auto part = scaled(number, millis, limit - total);
        if (!part)
            return refused<milliseconds>("is too long: the most is " + to_string(kLongestDuration), "");
        total += *part;
    } while (!rest.empty());
    return {milliseconds{static_cast<std::int64_t>(total)}, {}, {}};
}

Parsed<int> parse_integer(std::string_view text, int lowest, int highest) {
    const auto range = "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
    int value = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec == std::errc::invalid_argument || parsed.ptr != end) {
        return refused<int>("is not a whole number", "write " + range);
    }
    if (parsed.ec != std::errc{} || value < lowest || value > highest) {
        return refused<int>("is out of range", "write " + range);
    }
    return {value, {}, {}};
}

}  // namespace policies
