// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/parse.hpp"
#include "tests/support/kernel_texts.hpp"

#include <gtest/gtest.h>

// Decisions rest on this number: too low and a leak is seen too late, too high and a healthy cache is
// restarted.
namespace cgroups {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

TEST(unreclaimable, page_cache_does_not_count) {
    MemoryStat stat;
    stat.anon = stat.inactive_anon = {100 * kMiB};
    stat.file = {1500 * kMiB};
    EXPECT_EQ(unreclaimable(stat, {}), Bytes{100 * kMiB});
}

TEST(unreclaimable, shared_memory_counts_though_the_kernel_files_it_under_file) {
    MemoryStat stat;
    stat.anon = {100 * kMiB};
    stat.shmem = stat.file = {300 * kMiB};
    stat.inactive_anon = {400 * kMiB};
    EXPECT_EQ(unreclaimable(stat, {}), Bytes{400 * kMiB});
}

TEST(unreclaimable, locked_heap_counts_once) {
    MemoryStat stat;
    stat.anon = {500 * kMiB};
    stat.inactive_anon = {200 * kMiB};
    stat.unevictable = {300 * kMiB};  // the same pages as in anon
    EXPECT_EQ(unreclaimable(stat, {}), Bytes{500 * kMiB});
}

TEST(unreclaimable, locked_files_count) {
    MemoryStat stat;
    stat.anon = stat.inactive_anon = {100 * kMiB};
    stat.file = {400 * kMiB};
    stat.unevictable = {250 * kMiB};  // mlock() of a model file
    EXPECT_EQ(unreclaimable(stat, {}), Bytes{350 * kMiB});
}

TEST(unreclaimable, locked_heap_and_locked_files_together) {
    MemoryStat stat;
    stat.anon = {500 * kMiB};
    stat.inactive_anon = {400 * kMiB};
    stat.file = {300 * kMiB};
    stat.unevictable = {150 * kMiB};  // 100 of the heap, 50 of a file
    EXPECT_EQ(unreclaimable(stat, {}), Bytes{550 * kMiB});
}

TEST(unreclaimable, kernel_memory_counts_without_what_shrinkers_give_back) {
    MemoryStat stat;
    stat.kernel = {90 * kMiB};
    stat.slab_reclaimable = {60 * kMiB};
    stat.sock = {4 * kMiB};
    EXPECT_EQ(unreclaimable(stat, {}), Bytes{34 * kMiB});
    stat.slab_reclaimable = {95 * kMiB};  // counters are flushed at different times
    EXPECT_EQ(unreclaimable(stat, {}), Bytes{4 * kMiB});
}

TEST(unreclaimable, free_swap_can_still_take_heap_but_not_more_than_there_is) {
    MemoryStat stat;
    stat.anon = stat.inactive_anon = {1000 * kMiB};
    EXPECT_EQ(unreclaimable(stat, {300 * kMiB}), Bytes{700 * kMiB});
    EXPECT_EQ(unreclaimable(stat, kMax), Bytes{0});
}

TEST(unreclaimable, swap_cannot_take_locked_heap) {
    MemoryStat stat;
    stat.anon = {1000 * kMiB};
    stat.inactive_anon = {100 * kMiB};
    stat.unevictable = {900 * kMiB};
    EXPECT_EQ(unreclaimable(stat, kMax), Bytes{900 * kMiB});
}

TEST(unreclaimable, of_a_real_worker) {
    const auto stat = parse_memory_stat(kernel_texts::kMemoryStat);
    ASSERT_TRUE(stat);
    // anon + shmem + kernel without reclaimable slab + socket buffers; of 256 MiB of files only the shmem
    // part.
    EXPECT_EQ(unreclaimable(*stat, {}), Bytes{1610612736 + 4194304 + (12582912 - 5242880) + 8192});
}

}  // namespace
}  // namespace cgroups
