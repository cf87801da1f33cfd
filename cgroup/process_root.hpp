// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/pid_fd.hpp"
#include "cgroup/result.hpp"

#include <string>

namespace cgroups {

/// The root folder of a process's mount namespace (/proc/<pid>/root), as an O_PATH descriptor that stays with
/// that namespace when the process ends. Needs the rights of ptrace(2) over the process (CAP_SYS_PTRACE).
/// `proc_root` is "/proc", or a tree made by a test.
Result<UniqueFd> open_process_root(const std::string& proc_root, const PidFd& process);

}  // namespace cgroups
