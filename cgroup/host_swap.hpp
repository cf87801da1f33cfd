// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/parse.hpp"
#include "cgroup/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How much anonymous memory this host's swap could still take from a cgroup that reclaims. The rules are the
/// kernel's (mm/vmscan.c get_scan_count(), mm/swapfile.c get_nr_swap_pages(),
/// Documentation/admin-guide/blockdev/zram.rst).
namespace cgroups {

/// The swap of the host, and what it costs to use it.
struct HostSwap {
    /// What the swap devices can still take. 0 without swap and at vm.swappiness 0: reclaim at a cgroup's
    /// limit then scans page cache only, whatever is free.
    Bytes free;
    /// zswap compresses pages in memory that stays charged to their cgroup.
    bool zswap = false;
};

/// The texts that SwapReader reads, for tests.
struct SwapTexts {
    std::string_view meminfo;
    std::string_view swappiness;
    std::string_view swaps;
    bool zswap = false;
    /// What the zram devices in /proc/swaps can still store: free space, at most what their mem_limit leaves.
    Bytes zram_free;
    /// Free space of the zram devices as /proc/swaps counts it.
    Bytes zram_counted;
};
HostSwap judge_swap(const SwapTexts& texts);

/// What one zram device can still store. `free` is size less use, as /proc/swaps has them; `mm_stat` the text
/// of /sys/block/zramN/mm_stat. With a memory limit, what is left of it: pages may be incompressible.
Bytes zram_room(Bytes free, std::string_view mm_stat);
/// The memory that a zram device occupies (mem_used_total of mm_stat); 0 when the text is not understood.
Bytes zram_use(std::string_view mm_stat);

/// One device of /proc/swaps.
struct SwapDevice {
    std::string name;  ///< below /dev: "vda2", "zram0"
    Bytes size;
    Bytes used;
    bool is_zram() const { return name.starts_with("zram"); }
};
/// Devices of the text of /proc/swaps; lines that are not understood are passed over.
std::vector<SwapDevice> parse_swaps(std::string_view text);

/// Reads the host's files; what cannot be read counts as no free swap. Without swap one small read and no
/// allocation: it is asked once a second. Blocking, some microseconds.
class SwapReader {
  public:
    /// The roots of /proc and /sys.
    SwapReader(std::string proc, std::string sys)
        : proc_(std::move(proc)), sys_(std::move(sys)), meminfo_(proc_ + "/meminfo") {}
    HostSwap read() const;

  private:
    std::string proc_;
    std::string sys_;
    std::string meminfo_;
};

/// The memory of the host that processes and page cache can have: MemTotal without reserved huge pages
/// (Hugetlb of /proc/meminfo: all sizes) and without what zram devices occupy.
Result<Bytes> usable_memory(const std::string& proc, const std::string& sys);

}  // namespace cgroups
