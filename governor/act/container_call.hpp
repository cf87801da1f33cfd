// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/client.hpp"
#include "governor/ports.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Calls that a policy makes to a container: of `warn`, and of `drain_hook`. Each returns an empty string
/// when it was good, or one sentence about what was not, and never takes longer than its timeout.
namespace governor::act {

/// An HTTP POST without a body; good with a status of 200 to 299. A host that is the target's own name is
/// resolved to the address that Docker gave it.
boost::asio::awaitable<std::string> call_http(Target target, std::string url,
                                              std::chrono::milliseconds timeout);

/// A command in the container; good with exit code 0. A frozen container cannot run one.
boost::asio::awaitable<std::string> call_exec(docker::Client& docker, Target target,
                                              std::vector<std::string> command,
                                              std::chrono::milliseconds timeout);

/// The parts of "http://host:port/path?query"; `nullopt` for anything else.
struct HttpUrl {
    std::string host;
    std::string port = "80";
    std::string target = "/";
};
std::optional<HttpUrl> parse_http_url(std::string_view url);

}  // namespace governor::act
