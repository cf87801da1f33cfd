// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/parse.hpp"
#include "cgroup/result.hpp"

#include <span>
#include <string>
#include <string_view>

/// The few things that are asked of, or done to, a single process. Pids are those of the caller's pid
/// namespace.
namespace cgroups {

struct HostMemory {
    Bytes total;
    Bytes available;
};

class Processes {
  public:
    /// `proc_root` is "/proc", or a tree made by a test.
    explicit Processes(std::string proc_root = "/proc")
        : root_(std::move(proc_root)), meminfo_(root_ + "/meminfo") {}

    Result<SignalStatus> signal_status(int pid) const;
    /// The cgroup v2 path of a process ("0::/system.slice/…").
    Result<std::string> cgroup_path(int pid) const;
    Result<void> set_oom_score_adj(int pid, int value) const;
    Result<int> oom_score_adj(int pid) const;
    /// MemTotal and MemAvailable of the host.
    Result<HostMemory> host_memory() const;

  private:
    Result<std::string> slurp(const std::string& path) const;
    /// /proc/meminfo, read once a second while containers are watched: without an allocation.
    Result<std::string_view> meminfo(std::span<char> buffer) const;

    std::string root_;
    std::string meminfo_;
};

/// Sends a signal through a pidfd, so that a recycled pid is not hit between `open` and `send`.
class PidFd {
  public:
    static Result<PidFd> open(int pid);
    Result<void> send(int signal) const;

  private:
    explicit PidFd(UniqueFd fd, int pid) : fd_(std::move(fd)), pid_(pid) {}
    UniqueFd fd_;
    int pid_ = 0;
};

}  // namespace cgroups
