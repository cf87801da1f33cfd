// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/hierarchy.hpp"
#include "cgroup/parse.hpp"
#include "cgroup/protection.hpp"
#include "governor/docker/error.hpp"
#include "governor/docker/types.hpp"
#include "governor/systemd/units.hpp"
#include "policies/holders.hpp"
#include "policies/load.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What the doctor learns. The probes (probe.hpp) fill it in and judge nothing; the judges (judge.hpp) are
/// pure.
namespace governor::cli::doctor {

/// Whether the cgroup files can be written.
struct WriteProbe {
    bool good = false;
    bool tried = false;  ///< a directory was really made and removed; else only the rights were looked at
    std::string where;
    std::string reason;  ///< why not
};

struct HostFacts {
    std::optional<cgroups::Hierarchy> hierarchy;
    std::string hierarchy_error;
    bool tree_is_host = false;  ///< the mount shows the root of the hierarchy, not a namespace's part of it
    WriteProbe write;
    bool recursive_protection = false;          ///< the mount's memory_recursiveprot
    std::optional<bool> host_cgroup_namespace;  ///< absent: not known
    std::optional<bool> host_pid_namespace;
    std::uint64_t capabilities = 0;         ///< effective, bit n is capability n
    std::string kernel_log_error;           ///< why /dev/kmsg cannot be read; empty: it can
    std::optional<policies::Bytes> memory;  ///< what containers can have (cgroups::usable_memory)
    bool swap_unused = false;               ///< swap is free, and vm.swappiness is 0
    std::string memory_error;               ///< why it is not known
    std::optional<std::uint64_t> memlock;   ///< bytes, the soft limit; absent: unlimited
};

/// The lowest limit of the cgroups above a container.
struct LimitAbove {
    std::string name;  ///< of the cgroup: "tight.slice"
    policies::Bytes limit;
    bool by_high = false;  ///< memory.high; else memory.max
};

struct ContainerFacts {
    docker::ContainerDetails details;
    std::optional<cgroups::SignalStatus> pid1;  ///< absent: not visible from here
    /// Of its cgroup, by counters; empty: not visible from here.
    std::vector<policies::ProcessMemory> processes;
    /// What each of them does with signals, by pid.
    std::map<int, cgroups::SignalStatus> signals;
    std::string pid1_cgroup;  ///< from /proc/<pid>/cgroup; empty: not readable
    /// From the root's child down to the container's cgroup; empty: not readable.
    std::vector<cgroups::ProtectionLevel> protection;
    std::optional<LimitAbove> limit_above;  ///< absent: no cgroup above has a limit, or none can be read
    /// The cgroup above that allows the least swap, as its limit; absent: none limits it.
    std::optional<LimitAbove> swap_above;
};

struct DockerFacts {
    std::string socket;
    std::optional<docker::Error> error;  ///< why nothing below is known
    docker::Version version;
    std::string api;  ///< agreed upon
    docker::Info info;
    std::vector<ContainerFacts> containers;  ///< the running ones
    std::string containers_error;            ///< why some are missing
};

struct DaemonFacts {
    std::string version;  ///< empty: it does not answer
    std::string error;
};

struct Facts {
    HostFacts host;
    DockerFacts docker;
    std::optional<systemd::Outcome>
        systemd;  ///< of a call that asks for nothing; absent: it has no part in this
    policies::LoadResult policies;
    DaemonFacts daemon;
};

}  // namespace governor::cli::doctor
