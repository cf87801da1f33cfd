// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"

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
    static Result<MemoryFiles> open(const Directory& directory);

    /// Reads everything. `swap_free` is the host's SwapFree: a container's swap is worth no more than that.
    Result<MemorySample> sample(Bytes swap_free);
    /// memory.events alone; must be read after each wake-up, for the kernel tells of a change only once per
    /// read.
    Result<MemoryEvents> events();
    /// memory.events.local: what happened because of its own limits. An error before kernel 5.2.
    Result<MemoryEvents> local_events();
    /// For waiting with POLLPRI. Owned by this object.
    int events_fd() const { return events_.get(); }

  private:
    MemoryFiles() = default;
    Result<Bytes> number(const UniqueFd& fd);
    Result<MemoryEvents> counters(const UniqueFd& fd);
    Bytes free_swap(Bytes swap_free);

    std::string path_;
    UniqueFd current_;
    UniqueFd stat_;
    UniqueFd events_;
    UniqueFd local_events_;
    UniqueFd max_;
    UniqueFd high_;
    UniqueFd swap_current_;
    UniqueFd swap_max_;
    UniqueFd pressure_;
};

}  // namespace cgroups
