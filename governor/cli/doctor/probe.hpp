// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/app.hpp"
#include "governor/cli/doctor/facts.hpp"
#include "governor/systemd/units.hpp"

#include <string>

namespace governor::cli::doctor {

/// Reads the host through `proc` and the cgroup mount (empty: found), which may be trees made by a test.
/// Blocking. Makes and removes one empty directory below the caller's own cgroup, when that is not the root.
HostFacts probe_host(const std::string& proc, const std::string& sys, const std::string& cgroup_mount);

/// Asks Docker about itself and the running containers, and the kernel about their first processes. Blocking,
/// at most about 15 s.
DockerFacts probe_docker(const std::string& socket, const std::string& proc);

/// Asks systemd to set no property of the root slice, which takes all the rights that setting one does and
/// changes nothing. `bus_address` as BusOptions has it. Blocking, at most about 3 s.
systemd::Outcome probe_systemd(const std::string& bus_address);

/// Asks the running daemon, if there is one, for its version. Blocking, at most 2 s.
DaemonFacts probe_daemon(const std::string& socket);

Facts probe(const RunOptions& options);

}  // namespace governor::cli::doctor
