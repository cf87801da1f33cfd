// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What a request asks for: text in, values out.
namespace governor::http {

enum class Endpoint : std::uint8_t {
    kStatus,
    kExplain,
    kEvents,
    kRelease,
    kReload,
    kVersion,
    kMetrics,
    kUndelivered
};

struct Route {
    Endpoint endpoint = Endpoint::kStatus;
    std::string service;   ///< explain, release
    journal::Query query;  ///< events; `newest` when no beginning was asked for
    bool follow = false;   ///< events
};

/// An answer without the daemon's help.
struct RouteError {
    int status = 400;     ///< 400, 404 or 405
    std::string message;  ///< a sentence: what is wrong, what would be right
    std::string allow;    ///< the methods that are possible here, with 405
};

/// `target` is the request's: path and query, percent-encoded.
tl::expected<Route, RouteError> find_route(std::string_view method, std::string_view target);

/// For one segment of a path or one value of a query.
std::string percent_encode(std::string_view text);
/// `nullopt` for a broken escape and for a NUL, which no name contains.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace governor::http
