// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "cgroup/process.hpp"
#include "governor/docker/types.hpp"

#include <string>

namespace governor::watch {

/// Finds a running container's cgroup below `mount`: where its PID 1 really is, or else where Docker's driver
/// and cgroup_parent put it (without the host's pid namespace the former cannot be asked).
cgroups::Result<cgroups::Directory> locate(const std::string& mount, const cgroups::Processes& processes,
                                           const std::string& driver,
                                           const docker::ContainerDetails& container);

}  // namespace governor::watch
