// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The commands that ask the running daemon. Each returns its exit code: kUnreachable when no daemon answers,
/// kProblems when it says no, kWrongUse when a value makes no sense.
namespace governor::cli {

struct DaemonCommand {
    const Console& console;
    std::string socket;  ///< the daemon's
    bool json = false;
};

struct EventsOptions {
    std::string service;
    std::vector<std::string> types;
    std::optional<std::uint64_t> after;  ///< id; 0: from the first that is kept
    std::string since;  ///< as publish::parse_moment() reads it, also relative; empty: no such limit
    std::string until;
    bool follow = false;
    bool undelivered = false;  ///< those that hooks gave up, instead of all
};

int status(const DaemonCommand& command);
int explain(const DaemonCommand& command, const std::string& service);
int events(const DaemonCommand& command, const EventsOptions& options);
int release(const DaemonCommand& command, const std::string& service);
int reload(const DaemonCommand& command);

}  // namespace governor::cli
