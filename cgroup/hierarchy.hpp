// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/result.hpp"

#include <string>

namespace cgroups {

enum class Mode { kUnknown, kLegacy, kHybrid, kUnified };

/// What the host's cgroup v2 mount offers.
struct Hierarchy {
    Mode mode = Mode::kUnknown;
    std::string mount;               ///< where cgroup v2 is mounted; empty when it is not
    bool memory_controller = false;  ///< "memory" is in cgroup.controllers of the root
    bool writable = false;           ///< mounted read-write, as seen by this process
    bool psi = false;                ///< memory.pressure can be read
};

/// Finds the hierarchy with libcgroup (which reads /proc/mounts), or looks at `mount` when it is not empty.
/// Slow path: start and doctor.
Result<Hierarchy> find_hierarchy(const std::string& mount = {});

}  // namespace cgroups
