// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "cgroup/host_swap.hpp"
#include "cgroup/limit_path.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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
    Bytes clean_cache;  ///< page cache and slab that reclaim can drop at once
    Bytes unwritten;    ///< page cache that must be written first: dirty and under writeback
    Bytes writeback;    ///< the part of it whose writing has begun
    Bytes headroom_above =
        kMax;  ///< of the cgroup above with the least; kMax while the container's own is less
    std::uint8_t bound_level =
        0;  ///< how many levels above the container that cgroup is; 0: its own limit binds
};

/// What a sample needs to know of the host. Read about once a second for all containers.
struct Surroundings {
    HostSwap swap;
    std::uint64_t round = 1;  ///< another number than before: limits of the cgroups above are read anew
};

/// The memory files of one cgroup, held open: a sample is a handful of preads, with no allocation and no path
/// lookup. Not thread-safe: the buffers are its own. Lives as long as the container's run.
class MemoryFiles {
  public:
    /// Opens what is there. memory.current, memory.stat and memory.events are required; swap and PSI are not.
    /// `directory` must outlive it once cool() was called: files are opened again from there. `above` is the
    /// node of the cgroup that contains this one; null: only its own limits count.
    static Result<MemoryFiles> open(const Directory& directory, std::shared_ptr<LimitNode> above = nullptr);
    MemoryFiles(MemoryFiles&&) noexcept = default;
    MemoryFiles& operator=(MemoryFiles&&) = delete;
    MemoryFiles(const MemoryFiles&) = delete;
    MemoryFiles& operator=(const MemoryFiles&) = delete;
    ~MemoryFiles();

    /// Closes what a glance does not need, until the next sample opens it again. A file that was read keeps a
    /// page of kernel memory for as long as it is open, and a host may have thousands of idle containers.
    void cool();
    /// memory.current alone: one read, and nothing that the kernel must add up for it.
    Result<Bytes> current();
    /// Reads everything, the limits above included.
    Result<MemorySample> sample(const Surroundings& around);
    /// memory.min as it was set on this cgroup: page cache below it is not reclaimed for others (0: none).
    void set_protected(Bytes min) { min_ = min; }
    /// The cgroup is gone: it no longer counts for the limits above.
    void leave() { add_to_ancestors({}, {}); }
    /// The cgroup that is `level` levels above; null when there is none. Valid as long as this object.
    const LimitNode* ancestor(std::uint8_t level) const;
    /// The nearest cgroup above.
    LimitNode* above() const { return above_.get(); }
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
    SwapRoom swap_room(const Surroundings& around);
    void read_zswap(std::uint64_t round);
    void add_to_ancestors(Bytes swappable, Bytes protected_cache);
    void bind_above(MemorySample& out) const;

    SharedText path_;
    int directory_ = -1;  ///< not owned
    std::array<UniqueFd, kFiles> fds_;
    std::array<bool, kFiles> absent_{};  ///< this kernel does not have it
    std::shared_ptr<LimitNode> above_;
    Bytes min_{};
    Bytes swappable_{};  ///< what add_to_ancestors() has added so far
    Bytes protected_{};
    std::uint64_t zswap_round_ = 0;
    bool zswap_writeback_ = true;
    Bytes zswap_room_ = kMax;
};

}  // namespace cgroups
