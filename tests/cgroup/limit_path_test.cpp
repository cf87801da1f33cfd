// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/limit_path.hpp"

#include "cgroup/memory_files.hpp"
#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

// The limits above a container: which one binds, and what swap could take below it.
namespace cgroups {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

std::string mib(std::uint64_t value) {
    return std::to_string(value * kMiB) + "\n";
}

/// mount/tight.slice/{a,b}.scope; sizes in MiB.
class limit_path : public testing::Test {
  protected:
    limit_path() {
        usage("tight.slice", 100);
        limit("tight.slice", "memory.max", "max");
        scope("a", 60, 400);
        scope("b", 40, 400);
    }
    void usage(const std::string& folder, std::uint64_t anon, std::uint64_t cache = 0) {
        tree.file(folder + "/memory.current", mib(anon + cache));
        tree.file(folder + "/memory.stat", "anon " + mib(anon) + "file " + mib(cache) +
                                               "kernel 0\nshmem 0\ninactive_anon " + mib(anon) +
                                               "active_anon 0\n");
    }
    void limit(const std::string& folder, const std::string& file, const std::string& value) {
        tree.file(folder + "/" + file, value + "\n");
    }
    void scope(const std::string& name, std::uint64_t anon, std::uint64_t maximum) {
        const std::string folder = "tight.slice/" + name + ".scope";
        usage(folder, anon);
        tree.file(folder + "/memory.max", mib(maximum));
        limit(folder, "memory.high", "max");
        tree.file(folder + "/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
        limit(folder, "memory.swap.max", "max");
        limit(folder, "memory.swap.current", "0");
    }
    struct Opened {
        Opened(Result<Directory> from, std::shared_ptr<LimitNode> above)
            : directory(std::move(from.value())),
              files(std::move(MemoryFiles::open(directory, std::move(above)).value())) {}
        Directory directory;
        MemoryFiles files;
    };
    std::unique_ptr<Opened> open(const std::string& name) {
        const std::string path = tree.path("tight.slice/" + name + ".scope");
        return std::make_unique<Opened>(Directory::open(path), limits.above(path));
    }
    /// A sample that reads the limits anew.
    MemorySample sample(Opened& opened, std::uint64_t free_swap_mib = 0) {
        ++around.round;
        around.swap.free = {free_swap_mib * kMiB};
        return *opened.files.sample(around);
    }

    TempTree tree;
    LimitTree limits{tree.path()};
    Surroundings around;
};

TEST_F(limit_path, without_a_limit_above_the_own_one_binds) {
    auto a = open("a");
    const auto seen = sample(*a);
    EXPECT_EQ(seen.bound_level, 0);
    EXPECT_EQ(seen.headroom_above, kMax);
}

TEST_F(limit_path, a_slice_with_less_memory_binds) {
    auto a = open("a");
    limit("tight.slice", "memory.max", std::to_string(200 * kMiB));
    const auto seen = sample(*a);
    EXPECT_EQ(seen.bound_level, 1);
    EXPECT_EQ(seen.headroom_above, Bytes{100 * kMiB}) << "200 less what both hold";
    EXPECT_EQ(a->files.ancestor(1)->name(), "tight.slice");
    EXPECT_EQ(a->files.ancestor(2)->path(), tree.path()) << "the mount itself";
    EXPECT_EQ(a->files.ancestor(3), nullptr);
}

TEST_F(limit_path, the_mount_s_own_limit_counts_too) {
    auto a = open("a");
    usage(".", 100);
    limit(".", "memory.max", std::to_string(150 * kMiB));
    const auto seen = sample(*a);
    EXPECT_EQ(seen.bound_level, 2);
    EXPECT_EQ(seen.headroom_above, Bytes{50 * kMiB});
}

TEST_F(limit_path, memory_high_of_a_slice_is_a_limit) {
    auto a = open("a");
    limit("tight.slice", "memory.max", std::to_string(300 * kMiB));
    limit("tight.slice", "memory.high", std::to_string(160 * kMiB));
    EXPECT_EQ(sample(*a).headroom_above, Bytes{60 * kMiB});
    EXPECT_TRUE(a->files.ancestor(1)->by_high());
}

TEST_F(limit_path, page_cache_below_a_limit_is_headroom) {
    auto a = open("a");
    usage("tight.slice", 100, 95);
    limit("tight.slice", "memory.max", std::to_string(200 * kMiB));
    EXPECT_EQ(sample(*a).headroom_above, Bytes{100 * kMiB});
}

TEST_F(limit_path, a_changed_limit_is_seen_in_the_next_round) {
    auto a = open("a");
    limit("tight.slice", "memory.max", std::to_string(200 * kMiB));
    sample(*a);
    limit("tight.slice", "memory.max", std::to_string(120 * kMiB));
    EXPECT_EQ(a->files.sample(around)->headroom_above, Bytes{100 * kMiB}) << "the same round";
    EXPECT_EQ(sample(*a).headroom_above, Bytes{20 * kMiB});
    limit("tight.slice", "memory.max", "max");
    EXPECT_EQ(sample(*a).bound_level, 0);
}

TEST_F(limit_path, the_least_swap_limit_on_the_path_counts) {
    auto a = open("a");
    limit("tight.slice", "memory.swap.current", "0");
    limit("tight.slice", "memory.swap.max", "max");
    EXPECT_EQ(sample(*a, 50).unreclaimable, Bytes{10 * kMiB});
    limit("tight.slice", "memory.swap.max", std::to_string(20 * kMiB));
    EXPECT_EQ(sample(*a, 50).unreclaimable, Bytes{40 * kMiB});
    limit("tight.slice", "memory.swap.max", "0");
    EXPECT_EQ(sample(*a, 50).unreclaimable, Bytes{60 * kMiB});
}

TEST_F(limit_path, swap_takes_for_a_slice_what_it_takes_of_the_containers_below) {
    auto a = open("a");
    auto b = open("b");
    limit("tight.slice", "memory.max", std::to_string(110 * kMiB));
    limit("tight.slice/a.scope", "memory.swap.max", "0");
    sample(*b, 1000);
    EXPECT_EQ(sample(*a, 1000).headroom_above, Bytes{50 * kMiB}) << "only b's 40 MiB can be swapped out";
    b.reset();
    EXPECT_EQ(sample(*a, 1000).headroom_above, Bytes{10 * kMiB}) << "b has ended";
}

TEST_F(limit_path, page_cache_below_memory_min_is_no_headroom_for_others) {
    auto a = open("a");
    auto b = open("b");
    usage("tight.slice", 100, 30);
    usage("tight.slice/b.scope", 40, 30);
    limit("tight.slice", "memory.max", std::to_string(140 * kMiB));
    b->files.set_protected({60 * kMiB});
    sample(*b);
    EXPECT_EQ(sample(*a).headroom_above, Bytes{20 * kMiB}) << "40 less b's protected 20 MiB of cache";
}

TEST_F(limit_path, zswap_without_writeback_keeps_what_it_stores) {
    auto a = open("a");
    around.swap.zswap = true;
    EXPECT_EQ(sample(*a, 1000).unreclaimable, Bytes{}) << "written back to the disk in the end";
    limit("tight.slice", "memory.zswap.writeback", "0");
    EXPECT_EQ(sample(*a, 1000).unreclaimable, Bytes{30 * kMiB}) << "half, as long as nothing is measured";
    limit("tight.slice", "memory.zswap.current", "0");
    limit("tight.slice", "memory.zswap.max", std::to_string(10 * kMiB));
    EXPECT_EQ(sample(*a, 1000).unreclaimable, Bytes{50 * kMiB}) << "20 MiB of pages become 10 MiB in zswap";
}

TEST_F(limit_path, one_node_for_all_below_and_none_when_they_are_gone) {
    auto a = open("a");
    auto b = open("b");
    EXPECT_EQ(a->files.above(), b->files.above());
    EXPECT_EQ(limits.above("/elsewhere/x"), nullptr);
    EXPECT_EQ(limits.above(tree.path()), nullptr);
}

TEST_F(limit_path, a_slice_that_vanishes_has_no_limit) {
    auto a = open("a");
    limit("tight.slice", "memory.max", std::to_string(200 * kMiB));
    tree.remove("tight.slice/memory.max");
    tree.remove("tight.slice/memory.current");
    tree.remove("tight.slice/memory.stat");
    EXPECT_EQ(sample(*a).bound_level, 0);
}

TEST_F(limit_path, a_move_of_a_twentieth_is_reported_once_a_round) {
    auto a = open("a");
    limit("tight.slice", "memory.max", std::to_string(200 * kMiB));
    sample(*a);
    LimitNode& node = *a->files.above();
    EXPECT_TRUE(node.has_moved(around.round));
    sample(*a);
    EXPECT_FALSE(node.has_moved(around.round)) << "as before";
    usage("tight.slice", 115);
    sample(*a);
    EXPECT_TRUE(node.has_moved(around.round));
    usage("tight.slice", 130);
    static_cast<void>(a->files.sample(around));
    EXPECT_FALSE(node.has_moved(around.round)) << "the same round";
}

}  // namespace
}  // namespace cgroups
