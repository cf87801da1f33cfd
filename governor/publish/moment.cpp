// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/moment.hpp"

#include "policies/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>

namespace governor::publish {
namespace {

using std::chrono::milliseconds;
using Parsed = tl::expected<Moment, std::string>;

constexpr std::string_view kDigits = "0123456789";
/// Year 5138: a larger number is no time but an event's id.
constexpr std::int64_t kLastSecond = 99'999'999'999;

constexpr std::string_view kForms =
    "is not a time: write it as 2026-05-01T02:14:07Z (RFC 3339), or as seconds since 1970";
constexpr std::string_view kFormsOrAgo =
    "is not a time: write it as 2026-05-01T02:14:07Z (RFC 3339), as seconds since 1970, or as a time before "
    "now: 10m, 2h";
constexpr std::string_view kTooLarge = "is too large for seconds since 1970; for an event's id use --after";

Parsed refuse(std::string_view why) {
    std::string text;
    // Not in the constructor: GCC 12 warns of its own inlining then.
    text += why;
    return tl::make_unexpected(std::move(text));
}

/// Takes exactly `width` digits from the front.
std::optional<int> take_number(std::string_view& text, std::size_t width) {
    if (text.size() < width || text.substr(0, width).find_first_not_of(kDigits) != std::string_view::npos)
        return std::nullopt;
    int value = 0;
    std::from_chars(text.data(), text.data() + width, value);
    text.remove_prefix(width);
    return value;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

/// What follows a dot; later digits than the third are cut off. Absent: 0.
std::optional<milliseconds> take_fraction(std::string_view& text) {
    if (!take(text, ".")) return milliseconds(0);
    const auto count = std::min(text.find_first_not_of(kDigits), text.size());
    if (count == 0) return std::nullopt;
    std::string three(text.substr(0, std::min<std::size_t>(count, 3)));
    three.resize(3, '0');
    text.remove_prefix(count);
    return milliseconds(std::stoi(three));
}

/// "Z", "+02:00".
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
    if (take(text, "Zz")) return std::chrono::minutes(0);
    const bool behind = text.starts_with('-');
    if (!take(text, "+-")) return std::nullopt;
    const auto hours = take_number(text, 2);
    const bool colon = take(text, ":");
    const auto minutes = take_number(text, 2);
    if (!hours || !colon || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const std::chrono::minutes out = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    return behind ? -out : out;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
    const auto year = take_number(text, 4);
    if (!year || !take(text, "-")) return std::nullopt;
    const auto month = take_number(text, 2);
    if (!month || !take(text, "-")) return std::nullopt;
    const auto day = take_number(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date);
}

std::optional<Moment> parse_rfc3339(std::string_view text) {
    const auto date = take_date(text);
    if (!date || !take(text, "Tt ")) return std::nullopt;
    const auto hours = take_number(text, 2);
    if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
    const auto minutes = take_number(text, 2);
    if (!minutes || *minutes > 59 || !take(text, ":")) return std::nullopt;
    const auto seconds = take_number(text, 2);
    if (!seconds || *seconds > 59) return std::nullopt;
    const auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    const auto offset = take_offset(text);
    if (!offset || !text.empty()) return std::nullopt;
    return *date + std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
           std::chrono::seconds(*seconds) + *fraction - *offset;
}

Parsed parse_seconds(std::string_view text) {
    std::int64_t seconds = 0;
    const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (code != std::errc() || seconds > kLastSecond) return refuse(kTooLarge);
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const auto fraction = take_fraction(text);
    if (!fraction || !text.empty()) return refuse(kForms);
    return Moment(std::chrono::seconds(seconds)) + *fraction;
}

}  // namespace

tl::expected<Moment, std::string> parse_moment(std::string_view text, std::optional<Moment> now) {
    if (text.empty() || text.front() < '0' || text.front() > '9') return refuse(kForms);
    if (text.find_first_not_of("0123456789.") == std::string_view::npos) return parse_seconds(text);
    if (const auto moment = parse_rfc3339(text)) return *moment;
    if (now && text.find('-') == std::string_view::npos)
        if (const auto ago = policies::parse_duration(text)) return *now - *ago.value;
    return refuse(now ? kFormsOrAgo : kForms);
}

std::string to_unix_seconds(Moment moment) {
    constexpr std::int64_t kMillis = 1000;
    const std::int64_t count = std::max<std::int64_t>(moment.time_since_epoch().count(), 0);
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%lld.%03lld", static_cast<long long>(count / kMillis),
                  static_cast<long long>(count % kMillis));
    return text.data();
}

}  // namespace governor::publish
