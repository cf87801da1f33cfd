// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/process_root.hpp"

#include <fcntl.h>

#include <utility>

namespace cgroups {

Result<UniqueFd> open_process_root(const std::string& proc_root, const PidFd& process) {
    const std::string path = proc_root + "/" + std::to_string(process.number()) + "/root";
    UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return errno_error("open", path);
    // It has the number after the opening, so what was opened is its root.
    if (!process.has_number()) return process.gone_error("open the root folder of");
    return fd;
}

}  // namespace cgroups
