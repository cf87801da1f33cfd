// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/host_swap.hpp"

#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

// How much the host's swap could still take, and how much memory the host can give.
namespace cgroups {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

/// A host with 8 GiB, of which 4 GiB are available, and 1 GiB of free swap.
struct Host {
    Host() {
        meminfo();
        proc.file("sys/vm/swappiness", "60\n");
        swaps("/dev/vda2 partition 1048576 0 -2\n");
    }
    void meminfo(std::uint64_t available_mib = 4096, std::uint64_t hugetlb_mib = 0) const {
        proc.file("meminfo", "MemTotal: 8388608 kB\nMemAvailable: " + std::to_string(available_mib * 1024) +
                                 " kB\nSwapTotal: 1048576 kB\nSwapFree: 1048576 kB\nHugetlb: " +
                                 std::to_string(hugetlb_mib * 1024) + " kB\n");
    }
    void swaps(const std::string& lines) const {
        proc.file("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" + lines);
    }
    Bytes free() const { return SwapReader(proc.path(), sys.path()).read().free; }
    std::uint64_t usable_mib() const { return usable_memory(proc.path(), sys.path())->value / kMiB; }

    TempTree proc;
    TempTree sys;
};

TEST(host_swap, free_swap_on_a_disk_counts) {
    const Host host;
    EXPECT_EQ(host.free(), Bytes{1024 * kMiB});
}

TEST(host_swap, nothing_counts_at_swappiness_0) {
    const Host host;
    host.proc.file("sys/vm/swappiness", "0\n");
    EXPECT_EQ(host.free(), Bytes{});
    host.proc.file("sys/vm/swappiness", "1\n");
    EXPECT_EQ(host.free(), Bytes{1024 * kMiB});
}

TEST(host_swap, nothing_counts_where_nothing_can_be_read) {
    const TempTree empty;
    EXPECT_EQ(SwapReader(empty.path(), empty.path()).read().free, Bytes{});
}

TEST(host_swap, zram_counts_as_far_as_the_host_has_memory_for_it) {
    const Host host;
    host.swaps("/dev/zram0 partition 1048576 0 100\n");
    EXPECT_EQ(host.free(), Bytes{1024 * kMiB});
    host.meminfo(100);
    EXPECT_EQ(host.free(), Bytes{100 * kMiB});
}

TEST(host_swap, a_zram_device_counts_up_to_its_own_memory_limit) {
    const Host host;
    host.swaps("/dev/zram0 partition 1048576 0 100\n");
    host.sys.file("block/zram0/mm_stat", "0 0 167772160 268435456 0 0 0 0 0\n");
    EXPECT_EQ(host.free(), Bytes{96 * kMiB});
    host.sys.file("block/zram0/mm_stat", "0 0 268435456 268435456 0 0 0 0 0\n");
    EXPECT_EQ(host.free(), Bytes{}) << "full, whatever /proc/swaps says";
}

TEST(host_swap, a_disk_beside_zram_counts_in_full) {
    const Host host;
    host.swaps("/dev/zram0 partition 524288 0 100\n/dev/vda2 partition 524288 0 -2\n");
    host.meminfo(50);
    EXPECT_EQ(host.free(), Bytes{(512 + 50) * kMiB});
}

TEST(host_swap, knows_whether_zswap_is_on) {
    const Host host;
    EXPECT_FALSE(SwapReader(host.proc.path(), host.sys.path()).read().zswap);
    host.sys.file("module/zswap/parameters/enabled", "Y\n");
    EXPECT_TRUE(SwapReader(host.proc.path(), host.sys.path()).read().zswap);
}

TEST(host_swap, lines_of_proc_swaps_that_are_not_understood_are_passed_over) {
    const auto found = parse_swaps(
        "Filename Type Size Used Priority\n/swapfile file 1024 512 -2\ngarbage\n/dev/zram1 partition x 0 "
        "5\n");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().name, "/swapfile");
    EXPECT_EQ(found.front().used, Bytes{512 * 1024});
    EXPECT_FALSE(found.front().is_zram());
}

TEST(usable_memory, leaves_out_reserved_huge_pages_of_all_sizes) {
    const Host host;
    EXPECT_EQ(host.usable_mib(), 8192U);
    host.meminfo(4096, 5120);
    EXPECT_EQ(host.usable_mib(), 3072U);
}

TEST(usable_memory, leaves_out_what_zram_occupies) {
    const Host host;
    host.sys.file("block/zram0/mm_stat", "0 0 1073741824 0 0 0 0 0 0\n");
    host.sys.file("block/zram1/mm_stat", "0 0 104857600 0 0 0 0 0 0\n");
    EXPECT_EQ(host.usable_mib(), 8192U - 1024U - 100U);
}

TEST(usable_memory, says_what_it_could_not_read) {
    const TempTree empty;
    const auto usable = usable_memory(empty.path(), empty.path());
    ASSERT_FALSE(usable);
    EXPECT_NE(usable.error().message().find("meminfo"), std::string::npos);
}

}  // namespace
}  // namespace cgroups
