// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/pid_fd.hpp"
#include "cgroup/result.hpp"

#include <optional>
#include <string>

namespace cgroups {

/// How a process of somebody else's ended, as far as it could be seen. An exit code of 137 says nothing:
/// `exit 137` and SIGKILL look the same to the container's runtime.
struct Ending {
    std::optional<int> wait_status;  ///< as waitpid() gives it; kernel 6.15, or CAP_SYS_PTRACE
    std::optional<bool> sigkill;     ///< whether a SIGKILL was sent to it
};

/// Looks at a process at the moment of its death: between its end and the wait of its parent it is a zombie
/// whose signals can still be read. That time is short, so a look may come too late; then nothing is known.
class DeathWatch {
  public:
    /// `process` must outlive it and stay where it is. `proc_root` is "/proc", or a tree made by a test.
    static Result<DeathWatch> open(const PidFd& process, const std::string& proc_root = "/proc");

    /// Becomes readable when the process ends. The process's own.
    int fd() const { return process_->fd(); }
    /// Call it at once when fd() is readable.
    Ending look() const;

  private:
    DeathWatch() = default;

    const PidFd* process_ = nullptr;
    UniqueFd status_;
    UniqueFd stat_;
};

/// The exit code in the text of /proc/<pid>/stat (proc(5), field 52); nothing when it may not be seen, which
/// the kernel shows as 0.
std::optional<int> parse_stat_exit_code(std::string_view text);

}  // namespace cgroups
