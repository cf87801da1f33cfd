// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/parse.hpp"
#include "cgroup/pid_fd.hpp"
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

    /// For reports only: the number may belong to another process by now. What is decided from the masks asks
    /// by pidfd.
    Result<SignalStatus> signal_status(int pid) const;
    /// Of this process and of no other: an error once it has ended.
    Result<SignalStatus> signal_status(const PidFd& process) const;
    /// The cgroup v2 path of a process ("0::/system.slice/…").
    Result<std::string> cgroup_path(int pid) const;
    /// The caller's own.
    Result<void> set_own_oom_score_adj(int value) const;
    /// An error once the process has ended; never written to another one with its number.
    Result<void> set_oom_score_adj(const PidFd& process, int value) const;
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

}  // namespace cgroups
