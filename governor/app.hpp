// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/retention.hpp"

#include <string>
#include <vector>

namespace governor {

/// What `governor run` was told.
struct RunOptions {
    std::vector<std::string> policies{"/etc/governor/policies.d"};  ///< files and folders
    std::string socket = "/run/governor/governor.sock";             ///< control socket
    std::string state_dir = "/var/lib/governor";
    std::string docker_socket = "/var/run/docker.sock";
    std::string cgroup_mount;  ///< empty: found
    std::string proc = "/proc";
    std::string sys = "/sys";
    bool text_log = false;         ///< --log-format=text
    journal::Retention retention;  ///< of the journal
    bool dbus = true;              ///< --dbus: be org.jobmate.Governor1 on the system bus, where there is one
    std::string metrics_listen;    ///< --metrics-listen: metrics over TCP too; empty: not
};

/// Exit codes of the command line (design: stable).
enum ExitCode : int { kGood = 0, kProblems = 1, kWrongUse = 2, kUnreachable = 3 };

/// Runs the daemon until SIGTERM or SIGINT; SIGHUP reloads the policies. Returns the exit code.
int run(const RunOptions& options);

}  // namespace governor
