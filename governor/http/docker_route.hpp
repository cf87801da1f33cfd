// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/docker_filter.hpp"
#include "governor/http/docker_time.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What a request in Docker's own language asks for: text in, values out.
namespace governor::http {

enum class DockerEndpoint : std::uint8_t { kPing, kVersion, kEvents };

/// Which events: those of the past from `since` to `until`, and without an `until` in the past those to come.
struct EventQuery {
    std::optional<WallTime> since;
    std::optional<WallTime> until;
    DockerFilter filter;
};

struct DockerRoute {
    DockerEndpoint endpoint = DockerEndpoint::kPing;
    bool head = false;  ///< HEAD: the answer without its body
    EventQuery events;
};

/// An answer in Docker's form: {"message": …}.
struct DockerError {
    int status = 400;
    std::string message;
};

/// Whether this path is Docker's: with a version of its API ("/v1.45/…"), or one of those served without.
/// The governor's own begin with "/v1/".
bool is_docker_target(std::string_view target);

/// `newest` is the API version that is offered ("1.45"); a client that insists on another is refused in
/// Docker's words. `now` is what durations in `since` and `until` count from.
tl::expected<DockerRoute, DockerError> find_docker_route(std::string_view method, std::string_view target,
                                                         std::string_view newest, WallTime now);

/// The oldest API version that is offered, Docker's own limit.
inline constexpr std::string_view kOldestApi = "1.24";

}  // namespace governor::http
