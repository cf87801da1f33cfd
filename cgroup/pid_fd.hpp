// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/result.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace cgroups {

class Directory;
class Processes;

/// A process, held by a pidfd (pidfd_open(2)). A pid is only a number: once its process has ended and was
/// waited for, the kernel gives it to another one. A pidfd stays with the process for which it was opened.
///
/// But it is opened by number as well. So there is one only for a process that was verified after the opening
/// and still had its number after that: then what was verified is what the pidfd holds. All signals to other
/// processes go through send(); deploy/cmake/CheckSignals.cmake refuses another way in the build.
class PidFd {
  public:
    /// For a process of this cgroup or of one below it. An Error for which gone() holds when it has ended;
    /// permission_denied when the number belongs to a process elsewhere.
    static Result<PidFd> open(int pid, const Directory& cgroup, const Processes& processes);
    /// For any process for which `verify(pid)` is true.
    template <class Verify>
    static Result<PidFd> open_if(int pid, Verify verify) {
        auto opened = open_unverified(pid);
        if (!opened) return opened;
        const bool verified = verify(pid);
        if (!opened->has_number()) return opened->gone_error("hold");
        if (!verified) return opened->foreign_error();
        return opened;
    }
    /// One that came over a socket from a process that had verified it. `pid` is its number there.
    static PidFd received(UniqueFd fd, int pid) { return PidFd(std::move(fd), pid); }

    Result<void> send(int signal) const;
    /// Whether the number is still this process's: it was not waited for yet.
    bool has_number() const;
    /// Whether it has ended, waited for by its parent or not.
    bool has_ended() const;
    /// Of a process that was sent SIGKILL: frees its memory now, in the caller's context, however long its
    /// own end takes (process_mrelease(2), kernel 5.15).
    Result<void> release_memory() const;
    /// As it was when the pidfd was opened. Only for messages, and to read /proc/<pid> when has_number() is
    /// asked afterwards.
    int number() const { return pid_; }
    /// Becomes readable when the process ends. Owned by this object.
    int fd() const { return fd_.get(); }

    tl::unexpected<Error> gone_error(std::string_view what) const;

  private:
    explicit PidFd(UniqueFd fd, int pid) : fd_(std::move(fd)), pid_(pid) {}
    static Result<PidFd> open_unverified(int pid);
    tl::unexpected<Error> foreign_error() const;

    UniqueFd fd_;
    int pid_ = 0;
};

/// The processes of the cgroup itself (not of its children) whose numbers are in `pids`: opened first, then
/// looked for in cgroup.procs, once for all of them. What is missing has ended or is elsewhere.
std::vector<PidFd> open_listed(const std::vector<int>& pids, const Directory& cgroup);

/// The same by the directory's fd.
std::vector<PidFd> open_listed(const std::vector<int>& pids, int cgroup_fd);

}  // namespace cgroups
