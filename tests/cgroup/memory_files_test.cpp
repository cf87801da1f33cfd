// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/memory_files.hpp"

#include "tests/support/kernel_texts.hpp"
#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace cgroups {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

Surroundings free_swap(std::uint64_t bytes) {
    Surroundings out;
    out.swap.free = {bytes};
    return out;
}

class memory_files : public testing::Test {
  protected:
    memory_files() {
        tree.file("memory.current", "1887436800\n");
        tree.file("memory.stat", kernel_texts::kMemoryStat);
        tree.file("memory.events", kernel_texts::kMemoryEvents);
        tree.file("memory.max", "2147483648\n");
        tree.file("memory.high", "1932735283\n");
    }
    Result<MemoryFiles> open() const { return MemoryFiles::open(*Directory::open(tree.path())); }

    TempTree tree;
};

TEST_F(memory_files, one_sample_has_all_that_a_decision_needs) {
    tree.file("memory.pressure", kernel_texts::kPressure);
    auto files = open();
    ASSERT_TRUE(files) << files.error().message();
    const auto sample = files->sample({});
    ASSERT_TRUE(sample) << sample.error().message();
    EXPECT_EQ(sample->current, Bytes{1887436800});
    EXPECT_EQ(sample->unreclaimable, Bytes{1610612736 + 4194304 + (12582912 - 5242880) + 8192});
    EXPECT_EQ(sample->hard, Bytes{2147483648});
    EXPECT_EQ(sample->tripwire, Bytes{1932735283});
    EXPECT_EQ(sample->events.high, 1482U);
    EXPECT_EQ(sample->some.avg10_permille, 15);
    EXPECT_EQ(sample->full.avg10_permille, 1000);
}

TEST_F(memory_files, a_new_sample_shows_what_changed) {
    auto files = open();
    ASSERT_TRUE(files->sample({}));
    tree.file("memory.current", "42\n");
    tree.file("memory.max", "max\n");
    const auto sample = files->sample({});
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->current, Bytes{42});
    EXPECT_EQ(sample->hard, kMax);
}

TEST_F(memory_files, swap_and_pressure_may_be_missing) {
    auto files = open();
    ASSERT_TRUE(files);
    const auto sample = files->sample(free_swap(512 * kMiB));
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->some, Pressure{});
    // Without swap files nothing can be swapped out, however much swap the host has.
    EXPECT_GT(sample->unreclaimable, Bytes{1610612736});
}

TEST_F(memory_files, swap_counts_only_as_far_as_both_container_and_host_have_it) {
    auto files_without = open();
    const auto full = files_without->sample({})->unreclaimable.value;
    tree.file("memory.swap.current", "0\n");
    tree.file("memory.swap.max", std::to_string(256 * kMiB) + "\n");
    auto files = open();
    EXPECT_EQ(files->sample(free_swap(1024 * kMiB))->unreclaimable.value, full - 256 * kMiB);
    EXPECT_EQ(files->sample(free_swap(100 * kMiB))->unreclaimable.value, full - 100 * kMiB);
    EXPECT_EQ(files->sample({})->unreclaimable.value, full);
    tree.file("memory.swap.current", std::to_string(200 * kMiB) + "\n");
    EXPECT_EQ(files->sample(free_swap(1024 * kMiB))->unreclaimable.value, full - 56 * kMiB);
    tree.file("memory.swap.max", "max\n");
    EXPECT_EQ(files->sample(free_swap(300 * kMiB))->unreclaimable.value, full - 300 * kMiB);
}

TEST_F(memory_files, without_the_memory_controller_it_says_which_file_is_missing) {
    tree.remove("memory.current");
    const auto files = open();
    ASSERT_FALSE(files);
    EXPECT_TRUE(files.error().gone());
    EXPECT_NE(files.error().message().find("memory.current"), std::string::npos);
}

TEST_F(memory_files, nonsense_is_an_error_and_never_a_sample_of_zeros) {
    for (const char* name : {"memory.current", "memory.stat", "memory.events", "memory.max", "memory.high"}) {
        const std::string before = tree.text(name);
        auto files = open();
        tree.file(name, "");
        EXPECT_FALSE(files->sample({})) << name << " empty";
        tree.file(name, "nonsense ?\n");
        EXPECT_FALSE(files->sample({})) << name << " garbage";
        tree.file(name, before);
        EXPECT_TRUE(files->sample({})) << name;
    }
}

TEST_F(memory_files, cooled_it_holds_two_files_and_opens_the_rest_again) {
    const auto directory = Directory::open(tree.path());
    auto files = MemoryFiles::open(*directory);
    const auto open_files = [] {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            count += entry.path().empty() ? 0U : 1U;
        return count;
    };
    const std::size_t warm = open_files();
    files->cool();
    EXPECT_EQ(open_files(), warm - 3) << "memory.stat, memory.max, memory.high";
    tree.file("memory.current", "42\n");
    EXPECT_EQ(*files->current(), Bytes{42});
    EXPECT_EQ(open_files(), warm - 3);
    const auto sample = files->sample({});
    ASSERT_TRUE(sample) << sample.error().message();
    EXPECT_EQ(sample->hard, Bytes{2147483648});
    EXPECT_EQ(open_files(), warm);
}

TEST_F(memory_files, cooled_it_still_tells_that_the_cgroup_is_gone) {
    const auto directory = Directory::open(tree.path());
    auto files = MemoryFiles::open(*directory);
    files->cool();
    tree.remove("memory.stat");
    const auto sample = files->sample({});
    ASSERT_FALSE(sample);
    EXPECT_TRUE(sample.error().gone());
}

TEST_F(memory_files, broken_pressure_is_no_pressure) {
    tree.file("memory.pressure", "nonsense\n");
    auto files = open();
    const auto sample = files->sample({});
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->full, Pressure{});
}

}  // namespace
}  // namespace cgroups
