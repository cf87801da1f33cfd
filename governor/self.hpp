// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"

#include <optional>
#include <string>
#include <vector>

namespace governor {

/// The governor's own cgroup, and the memory.min that it gives itself.
struct OwnProtection {
    std::string path;  ///< absolute
    cgroups::Bytes min;
};
/// Nothing for a process in the root cgroup, or in one that a private namespace hides.
std::optional<OwnProtection> own_protection(const std::string& cgroup_mount,
                                            const cgroups::Processes& processes);

/// Asks the allocator and the kernel for small memory instead of fast memory. At the start, before threads.
void stay_small();

/// What the governor does so that it is still there when memory is not: locked pages, a low oom_score_adj,
/// memory.min on its own cgroup, enough file descriptors. Each is wanted, none is required; what could not be
/// had is said, with the mend. Returns one line for each that failed.
std::vector<std::string> protect_self(const std::string& cgroup_mount, const cgroups::Processes& processes);

/// What a private namespace takes away, one line for each, with the mend. The rest works on through Docker.
std::vector<std::string> lost_to_namespaces(const std::string& proc);

}  // namespace governor
