// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace cgroups {

/// What one look at a cgroup's memory gives.
struct MemorySample {
    Bytes current;
    Bytes unreclaimable;
    Bytes hard;      ///< memory.max; kMax when there is none
    Bytes tripwire;  ///< memory.high
    MemoryEvents events;
    Pressure some;  ///< zero without PSI
    Pressure full;
};

/// The memory files of one cgroup, held open: a sample is a handful of preads, with no allocation and no path
/// lookup. Not thread-safe: the buffers are its own. Lives as long as the container's run.
class MemoryFiles {
  public:
    /// Opens what is there. memory.current, memory.stat and memory.events are required; swap and PSI are not.
    /// `directory` must outlive it once cool() was called: files are opened again from there.
    static Result<MemoryFiles> open(const Directory& directory);

    /// Closes what a glance does not need, until the next sample opens it again. A file that was read keeps a
    /// page of kernel memory for as long as it is open, and a host may have thousands of idle containers.
    void cool();
    /// memory.current alone: one read, and nothing that the kernel must add up for it.
    Result<Bytes> current();
    /// Reads everything. `swap_free` is the host's SwapFree: a container's swap is worth no more than that.
    Result<MemorySample> sample(Bytes swap_free);
    /// memory.events alone; must be read after each wake-up, for the kernel tells of a change only once per
    /// read.
    Result<MemoryEvents> events();
    /// memory.events.local: what happened because of its own limits. An error before kernel 5.2.
    Result<MemoryEvents> local_events();
    /// For waiting with POLLPRI. Owned by this object.
    int events_fd() const { return fds_[kEvents].get(); }

  private:
    MemoryFiles() = default;
    enum File : std::size_t {
        kCurrent,
        kEvents,
        kStat,
        kLocalEvents,
        kMaximum,
        kHigh,
        kSwapCurrent,
        kSwapMaximum,
        kPressure,
        kFiles,
    };
    /// The file's fd, opened when it is not open.
    Result<int> held(File file);
    Result<Bytes> number(File file);
    Result<MemoryEvents> counters(File file);
    Bytes free_swap(Bytes swap_free);

    SharedText path_;
    int directory_ = -1;  ///< not owned
    std::array<UniqueFd, kFiles> fds_;
    std::array<bool, kFiles> absent_{};  ///< this kernel does not have it
};

}  // namespace cgroups
