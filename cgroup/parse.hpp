// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

/// Parsers of the kernel's text: `string_view` in, values out; no files, no allocation on the hot ones. A
/// line that is not understood is passed over (newer kernels add keys); a number that is not one makes the
/// whole result absent.
namespace cgroups {

/// Memory in bytes, as the kernel counts it.
struct Bytes {
    std::uint64_t value = 0;
    constexpr auto operator<=>(const Bytes&) const = default;
};
/// The kernel's "max".
inline constexpr Bytes kMax{std::numeric_limits<std::uint64_t>::max()};

/// "123\n" or "max\n" (memory.current, memory.max, memory.high, …).
std::optional<Bytes> parse_bytes(std::string_view text);

/// memory.events and memory.events.local (kernel: Documentation/admin-guide/cgroup-v2.rst). Counters, since
/// the cgroup was made.
struct MemoryEvents {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint64_t max = 0;
    std::uint64_t oom = 0;
    std::uint64_t oom_kill = 0;
    std::uint64_t oom_group_kill = 0;
    bool operator==(const MemoryEvents&) const = default;
};
std::optional<MemoryEvents> parse_memory_events(std::string_view text);

/// The part of memory.stat that decisions need.
struct MemoryStat {
    Bytes anon;
    Bytes file;  ///< includes shmem
    Bytes shmem;
    Bytes kernel;  ///< all kernel memory (5.18+); summed from its parts on older kernels
    Bytes sock;
    Bytes slab_reclaimable;
    Bytes unevictable;
    Bytes active_anon;
    Bytes inactive_anon;
    Bytes file_dirty;      ///< page cache that must be written first, and whose writing has not begun
    Bytes file_writeback;  ///< page cache that is being written
    Bytes zswap;           ///< compressed pages of this cgroup in zswap; charged as kernel memory
    Bytes zswapped;        ///< the same pages as they were before compression
    Bytes hugetlb;         ///< huge pages, where they are charged (mount option memory_hugetlb_accounting)
    bool operator==(const MemoryStat&) const = default;
};
std::optional<MemoryStat> parse_memory_stat(std::string_view text);

/// The memory that reclaim cannot give back: anon + shmem + unevictable file pages + kernel memory without
/// reclaimable slab + socket buffers + huge pages, less `swap_takes` of the pages on the anon lists.
/// memory.stat counts an mlocked page both in anon (or file) and in unevictable; the difference to the anon
/// lists shows which part of unevictable is not counted yet.
Bytes unreclaimable(const MemoryStat& stat, Bytes swap_takes);

/// What swap can take of a cgroup's memory.
struct SwapRoom {
    Bytes free = {};          ///< least of the host's free swap and the limits along the path
    bool only_zswap = false;  ///< zswap without writeback: what it stores stays charged, compressed
    Bytes zswap_free = kMax;  ///< what zswap may still store, compressed; used with only_zswap
};
/// The memory that moving pages to swap would free: `room.free`, at most the pages on the anon lists. With
/// only_zswap, less their compressed size, by the ratio measured on the pages that zswap holds already (one
/// half before there are any).
Bytes swappable(const MemoryStat& stat, const SwapRoom& room);

/// Page cache and slab that reclaim can drop at once: neither locked, nor dirty, nor under writeback, nor
/// tmpfs.
Bytes clean_cache(const MemoryStat& stat);

/// One line of a *.pressure file.
struct Pressure {
    std::int32_t avg10_permille = 0;
    std::uint64_t total_us = 0;
    bool operator==(const Pressure&) const = default;
};
struct PressureFile {
    Pressure some;
    Pressure full;
    bool operator==(const PressureFile&) const = default;
};
std::optional<PressureFile> parse_pressure(std::string_view text);

/// cgroup.events.
struct CgroupEvents {
    bool populated = false;
    bool frozen = false;
};
std::optional<CgroupEvents> parse_cgroup_events(std::string_view text);

/// cgroup.procs: one pid a line. A process of another pid namespace shows as 0 and is kept, so that the
/// caller can see it.
std::vector<int> parse_pids(std::string_view text);

/// The signal masks of /proc/<pid>/status (proc(5)); bit n-1 is signal n.
struct SignalStatus {
    std::uint64_t pending_thread = 0;   ///< SigPnd
    std::uint64_t pending_process = 0;  ///< ShdPnd
    std::uint64_t blocked = 0;          ///< SigBlk
    std::uint64_t ignored = 0;          ///< SigIgn
    std::uint64_t caught = 0;           ///< SigCgt
    int thread_count = 0;
    /// PID 1 of its pid namespace, as the last field of NSpid says: the kernel drops a signal that it does
    /// not handle. Not so with Docker's `pid: host` and `pid: service:…`.
    bool namespace_init = true;

    static constexpr bool has(std::uint64_t mask, int signal) {
        return signal > 0 && signal <= 64 && ((mask >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
    }
    bool pending(int signal) const { return has(pending_thread | pending_process, signal); }
    bool handles(int signal) const { return has(caught, signal); }
    /// A blocked signal can be taken by sigwait or signalfd, so it counts as handled when judging PID 1.
    bool may_handle(int signal) const { return handles(signal) || has(blocked, signal); }
};
std::optional<SignalStatus> parse_signal_status(std::string_view text);

/// What /proc/<pid>/stat has of a process. The name may contain anything but a NUL, parentheses too.
struct ProcessStat {
    std::string_view comm;  ///< into the text
    int parent = 0;
    std::uint64_t start = 0;  ///< clock ticks since boot: with the pid, it names the process for good
};
std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// A size with its key: "MemAvailable", "SwapFree", … of /proc/meminfo; "RssAnon", "VmSwap" of
/// /proc/<pid>/status; "Private_Dirty" of /proc/<pid>/smaps_rollup.
std::optional<Bytes> parse_meminfo(std::string_view text, std::string_view key);

}  // namespace cgroups
