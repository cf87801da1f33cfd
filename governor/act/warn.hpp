// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/client.hpp"
#include "governor/ports.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace governor::act {

/// Makes the policy's warn call: an HTTP POST, a signal to PID 1, or a command in the container. Returns an
/// empty string when it was good (HTTP 2xx, signal sent, exit code 0), or one sentence about what was not.
/// Never takes longer than the call's timeout.
boost::asio::awaitable<std::string> warn(docker::Client& docker, Target target, policies::Warn call);

}  // namespace governor::act
