// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace governor::http {

using WallTime = std::chrono::system_clock::time_point;

/// The time of a `since` or `until`: Unix seconds with a fraction ("1700000000.5"; what Docker's clients
/// send), RFC 3339 ("2026-05-01T02:14:07Z"; also a date alone, and without a zone in UTC), or a duration back
/// from `now` ("10m", "1h30m", as Docker's command line takes them). The error is a sentence for a person.
tl::expected<WallTime, std::string> parse_event_time(std::string_view text, WallTime now);

}  // namespace governor::http
