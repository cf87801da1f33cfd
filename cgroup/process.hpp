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
#include <utility>

/// The few things that are asked of, or done to, a single process. Pids are those of the caller's pid
/// namespace.
namespace cgroups {

struct HostMemory {
    Bytes total;
    Bytes available;
};

/// What one process of a container is and holds.
struct ProcessLook {
    int pid = 0;
    int parent = 0;
    std::uint64_t start = 0;  ///< ProcessStat::start
    /// Device and inode of the file that it runs; 0: not readable (CAP_SYS_PTRACE is missing).
    std::uint64_t exe_device = 0;
    std::uint64_t exe_inode = 0;
    std::string comm;
    std::string command_line;  ///< arguments joined by blanks, at most 4 KiB; filled in by its reader
    Bytes anonymous;           ///< RssAnon and VmSwap: shared pages of a fork count in full
};

/// What a walk of its page tables says.
struct ProcessPages {
    Bytes private_pages;  ///< what its end frees: private dirty pages, and its share of swapped ones
    Bytes proportional;   ///< anonymous pages and swap, those that are shared by share
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
    /// One process, from counters that the kernel keeps: no page table is walked and no lock of the process
    /// is taken. Race-free only while it is frozen.
    Result<ProcessLook> look(int pid) const;
    /// Its arguments joined by blanks, at most 4 KiB; empty when it cannot be read. Takes the process's
    /// mmap_lock.
    std::string command_line(int pid) const;
    /// Parent and start time alone.
    Result<std::pair<int, std::uint64_t>> parent_and_start(int pid) const;
    /// smaps_rollup. Walks the page tables: about 1 ms for 100 MiB of small pages, with the process's
    /// mmap_lock, which a frozen process does not hold. Needs CAP_SYS_PTRACE.
    Result<ProcessPages> pages(int pid) const;
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
