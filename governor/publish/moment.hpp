// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace governor::publish {

/// Wall clock in whole milliseconds, as events are shown: what was printed finds the same event again.
using Moment = std::chrono::sys_time<std::chrono::milliseconds>;

/// A moment as people and programs write it: RFC 3339 ("2026-05-01T02:14:07.123Z", with an offset too),
/// seconds since 1970 ("1777601647", "1777601647.123"), or, when `now` is given, a time before it ("10m",
/// "2h"). The error continues "<text> ...". Pure.
tl::expected<Moment, std::string> parse_moment(std::string_view text, std::optional<Moment> now);

/// Seconds since 1970 with three decimals: parse_moment() reads it back exactly.
std::string to_unix_seconds(Moment moment);

}  // namespace governor::publish
