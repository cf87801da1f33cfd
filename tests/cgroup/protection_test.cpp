// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/protection.hpp"

#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace cgroups {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20U;
constexpr std::uint64_t kGiB = 1ULL << 30U;

constexpr Bytes mib(std::uint64_t n) {
    return {n * kMiB};
}

/// A level whose min and low are the same, and which has no siblings that claim anything.
ProtectionLevel level(Bytes usage, Bytes setting) {
    const Bytes claimed = std::min(usage, setting);
    return {.path = {},
            .usage = usage,
            .min = setting,
            .low = setting,
            .siblings_min = claimed,
            .siblings_low = claimed};
}

/// The same, beside others that claim `others` in all.
ProtectionLevel level_beside(Bytes others, Bytes usage, Bytes setting) {
    auto out = level(usage, setting);
    out.siblings_min.value += others.value;
    out.siblings_low.value += others.value;
    return out;
}

Bytes effective_min(const std::vector<ProtectionLevel>& levels, bool recursive = false) {
    const auto out = effective_protection(levels, recursive);
    EXPECT_EQ(out.min, out.low) << "the two kinds are computed in the same way";
    return out.min;
}

TEST(effective_protection, nothing_is_protected_below_a_slice_without_protection) {
    // What `mem_reservation` alone does: the container has it, system.slice does not.
    EXPECT_EQ(effective_min({level(mib(2000), Bytes{}), level(mib(800), mib(1024))}), Bytes{});
    EXPECT_EQ(effective_min({level(mib(2000), Bytes{}), level(mib(800), mib(1024))}, true), Bytes{});
}

TEST(effective_protection, with_slice_and_container_set_it_is_what_the_container_uses) {
    EXPECT_EQ(effective_min({level(mib(2000), mib(1024)), level(mib(800), mib(1024))}), mib(800));
}

TEST(effective_protection, no_more_than_the_setting_is_protected) {
    EXPECT_EQ(effective_min({level(mib(2000), mib(1024)), level(mib(1500), mib(1024))}), mib(1024));
}

TEST(effective_protection, the_smallest_setting_on_the_way_down_caps_it) {
    EXPECT_EQ(effective_min({level(mib(2000), mib(300)), level(mib(800), mib(1024))}), mib(300));
    EXPECT_EQ(
        effective_min({level(mib(2000), mib(1024)), level(mib(900), mib(256)), level(mib(800), mib(1024))}),
        mib(256));
}

TEST(effective_protection, a_child_of_the_root_has_what_it_is_set_to) {
    EXPECT_EQ(effective_min({level(mib(10), mib(1024))}), mib(1024));
    EXPECT_EQ(effective_min({}), Bytes{});
}

TEST(effective_protection, siblings_that_claim_too_much_share_in_proportion) {
    // 1024 MiB for claims of 600 and 900: 600 * 1024 / 1500 and 900 * 1024 / 1500.
    const auto slice = level(mib(1500), mib(1024));
    const Bytes first = effective_min({slice, level_beside(mib(900), mib(600), mib(1024))});
    const Bytes second = effective_min({slice, level_beside(mib(600), mib(900), mib(1024))});
    EXPECT_EQ(first.value, 600 * kMiB * 1024 / 1500);
    EXPECT_EQ(second.value, 900 * kMiB * 1024 / 1500);
    EXPECT_EQ(first.value, 429'496'729U);   // 409.6 MiB
    EXPECT_EQ(second.value, 644'245'094U);  // 614.4 MiB
}

TEST(effective_protection, min_and_low_are_kept_apart) {
    const std::vector<ProtectionLevel> levels{
        {.path = {},
         .usage = mib(2000),
         .min = mib(512),
         .low = mib(1536),
         .siblings_min = {},
         .siblings_low = {}},
        {.path = {},
         .usage = mib(1400),
         .min = mib(1024),
         .low = mib(1300),
         .siblings_min = mib(1024),
         .siblings_low = mib(1300)},
    };
    const auto out = effective_protection(levels, false);
    EXPECT_EQ(out.min, mib(512));
    EXPECT_EQ(out.low, mib(1300));
}

TEST(effective_protection, the_recursive_option_shares_what_nobody_claims) {
    // 1000 MiB for the slice, 200 claimed; the slice uses 1400. The container uses 500 and claims 200: of the
    // 800 that are left it gets 800 * (500 - 200) / (1400 - 200) = 200 more.
    const auto slice = level(mib(1400), mib(1000));
    EXPECT_EQ(effective_min({slice, level(mib(500), mib(200))}, true), mib(400));
    EXPECT_EQ(effective_min({slice, level(mib(500), mib(200))}, false), mib(200));
    // Its neighbour claims nothing, uses 900, and gets the rest: 800 * 900 / 1200.
    EXPECT_EQ(effective_min({slice, level_beside(mib(200), mib(900), Bytes{})}, true), mib(600));
    EXPECT_EQ(effective_min({slice, level_beside(mib(200), mib(900), Bytes{})}, false), Bytes{});
}

TEST(effective_protection, the_recursive_option_gives_nothing_to_those_that_claim_all_they_use) {
    EXPECT_EQ(effective_min({level(mib(1400), mib(1000)), level(mib(200), mib(800))}, true), mib(200));
}

TEST(effective_protection, max_protects_all_that_is_used) {
    EXPECT_EQ(effective_min({level(mib(2000), kMax), level(mib(800), kMax)}), mib(800));
    // Two fifths of an endless protection that nobody claims is still more than is used.
    EXPECT_GT(effective_min({level(mib(2000), kMax), level(mib(800), Bytes{})}, true), mib(800));
}

TEST(effective_protection, amounts_of_any_size_do_not_overflow) {
    const Bytes huge{1ULL << 62U};
    const auto slice = level(huge, huge);
    EXPECT_EQ(effective_min({slice, level_beside(huge, huge, huge)}).value, huge.value / 2);
    EXPECT_EQ(effective_min({level(huge, Bytes{huge.value / 2}), level(huge, huge)}).value, huge.value / 2);
}

/// Three levels with random amounts; the children of a level use no more than their parent, as in the kernel.
class RandomTree {
  public:
    explicit RandomTree(std::uint32_t seed) : random_(seed) {}

    Bytes setting() {
        switch (number(0, 4)) {
            case 0:
                return {};
            case 1:
                return kMax;
            default:
                return {number(0, 64 * kGiB)};
        }
    }

    /// Children that use up to all of what `parent` does.
    std::vector<ProtectionLevel> children_of(const ProtectionLevel& parent) {
        std::vector<ProtectionLevel> out;
        std::uint64_t left = parent.usage.value;
        const auto count = number(1, 6);
        for (std::uint64_t i = 0; i < count; ++i) {
            ProtectionLevel child;
            child.usage = {number(0, left)};
            left -= child.usage.value;
            child.min = setting();
            child.low = setting();
            out.push_back(child);
        }
        Bytes min;
        Bytes low;
        for (const auto& child : out) {
            min.value += std::min(child.usage, child.min).value;
            low.value += std::min(child.usage, child.low).value;
        }
        for (auto& child : out) {
            child.siblings_min = min;
            child.siblings_low = low;
        }
        return out;
    }

    ProtectionLevel top() {
        ProtectionLevel out;
        out.usage = {number(0, 64 * kGiB)};
        out.min = setting();
        out.low = setting();
        return out;
    }

  private:
    std::uint64_t number(std::uint64_t from, std::uint64_t to) {
        return std::uniform_int_distribution<std::uint64_t>(from, to)(random_);
    }
    std::mt19937_64 random_;
};

TEST(effective_protection, children_never_have_more_than_their_parent) {
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
        RandomTree tree(seed);
        const auto top = tree.top();
        const auto middle = tree.children_of(top).front();
        const bool recursive = seed % 2 == 0;
        const auto parent = effective_protection(std::vector{top, middle}, recursive);
        Bytes sum_min;
        Bytes sum_low;
        for (const auto& child : tree.children_of(middle)) {
            const auto own = effective_protection(std::vector{top, middle, child}, recursive);
            sum_min.value += own.min.value;
            sum_low.value += own.low.value;
        }
        ASSERT_LE(sum_min, parent.min) << "seed " << seed;
        ASSERT_LE(sum_low, parent.low) << "seed " << seed;
    }
}

TEST(effective_protection, without_the_recursive_option_no_setting_and_no_usage_on_the_way_is_exceeded) {
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
        RandomTree tree(seed);
        const auto top = tree.top();
        const auto middle = tree.children_of(top).back();
        const auto child = tree.children_of(middle).back();
        const auto own = effective_protection(std::vector{top, middle, child}, false);
        ASSERT_LE(own.min, std::min({top.min, middle.min, child.min, child.usage})) << "seed " << seed;
        ASSERT_LE(own.low, std::min({top.low, middle.low, child.low, child.usage})) << "seed " << seed;
        const auto more = effective_protection(std::vector{top, middle, child}, true);
        ASSERT_GE(more.min, own.min) << "seed " << seed;
        ASSERT_GE(more.low, own.low) << "seed " << seed;
    }
}

void add_cgroup(const TempTree& tree, const std::string& name, Bytes usage, const std::string& min,
                const std::string& low) {
    tree.file(name + "/memory.current", std::to_string(usage.value) + "\n");
    tree.file(name + "/memory.min", min + "\n");
    tree.file(name + "/memory.low", low + "\n");
}

std::string text_of(Bytes bytes) {
    return std::to_string(bytes.value);
}

TEST(read_protection, reads_the_way_down_with_what_the_siblings_claim) {
    TempTree tree;
    add_cgroup(tree, "user.slice", mib(900), text_of(mib(900)), "0");
    add_cgroup(tree, "system.slice", mib(2000), text_of(mib(1024)), text_of(mib(1536)));
    add_cgroup(tree, "system.slice/docker-db.scope", mib(600), text_of(mib(1024)), "max");
    add_cgroup(tree, "system.slice/docker-redis.scope", mib(900), text_of(mib(512)), "0");
    add_cgroup(tree, "system.slice/ssh.service", mib(5), "0", "0");
    tree.file("system.slice/cgroup.procs", "");
    const auto levels = read_protection(tree.path(), tree.path("system.slice/docker-db.scope"));
    ASSERT_TRUE(levels) << levels.error().message();
    ASSERT_EQ(levels->size(), 2U);
    EXPECT_EQ((*levels)[0].path, tree.path("system.slice"));
    EXPECT_EQ((*levels)[0].min, mib(1024));
    EXPECT_EQ((*levels)[0].low, mib(1536));
    EXPECT_EQ((*levels)[0].usage, mib(2000));
    EXPECT_EQ((*levels)[1].path, tree.path("system.slice/docker-db.scope"));
    EXPECT_EQ((*levels)[1].usage, mib(600));
    EXPECT_EQ((*levels)[1].low, kMax);
    EXPECT_EQ((*levels)[1].siblings_min, mib(600 + 512));
    EXPECT_EQ((*levels)[1].siblings_low, mib(600));
    // 1112 MiB claimed of 1024: 600 * 1024 / 1112.
    EXPECT_EQ(effective_protection(*levels, false).min.value, 600 * kMiB * 1024 / 1112);
    EXPECT_EQ(effective_protection(*levels, false).low, mib(600));
}

TEST(read_protection, cgroups_beside_the_first_level_do_not_matter) {
    TempTree tree;
    add_cgroup(tree, "system.slice", mib(100), text_of(mib(50)), "0");
    add_cgroup(tree, "user.slice", mib(100), text_of(mib(80)), "0");
    const auto levels = read_protection(tree.path() + "/", tree.path("system.slice"));
    ASSERT_TRUE(levels);
    ASSERT_EQ(levels->size(), 1U);
    EXPECT_EQ(levels->front().siblings_min, mib(50));
    EXPECT_EQ(effective_protection(*levels, true).min, mib(50));
}

TEST(read_protection, a_level_without_the_memory_controller_protects_nothing_below) {
    TempTree tree;
    add_cgroup(tree, "top.slice", mib(500), "max", "max");
    tree.file("top.slice/plain/cgroup.procs", "");
    tree.file("top.slice/plain/leaf/cgroup.procs", "");
    const auto levels = read_protection(tree.path(), tree.path("top.slice/plain/leaf"));
    ASSERT_TRUE(levels) << levels.error().message();
    ASSERT_EQ(levels->size(), 3U);
    EXPECT_EQ((*levels)[1].min, Bytes{});
    EXPECT_EQ((*levels)[1].usage, Bytes{});
    EXPECT_EQ(effective_protection(*levels, true).min, Bytes{});
    EXPECT_EQ(effective_protection(*levels, true).low, Bytes{});
}

TEST(read_protection, a_cgroup_that_is_not_there_is_gone) {
    TempTree tree;
    add_cgroup(tree, "system.slice", mib(1), "0", "0");
    const auto levels = read_protection(tree.path(), tree.path("system.slice/docker-1.scope"));
    ASSERT_FALSE(levels);
    EXPECT_TRUE(levels.error().gone());
    EXPECT_NE(levels.error().message().find("docker-1.scope"), std::string::npos);
}

TEST(read_protection, a_file_with_nonsense_is_an_error_that_names_it) {
    TempTree tree;
    add_cgroup(tree, "system.slice", mib(1), "much", "0");
    const auto levels = read_protection(tree.path(), tree.path("system.slice"));
    ASSERT_FALSE(levels);
    EXPECT_FALSE(levels.error().gone());
    EXPECT_NE(levels.error().message().find("memory.min"), std::string::npos);
}

TEST(read_protection, only_paths_below_the_mount_are_read) {
    TempTree tree;
    add_cgroup(tree, "system.slice", mib(1), "0", "0");
    EXPECT_FALSE(read_protection(tree.path("system.slice"), tree.path()));
    EXPECT_FALSE(read_protection(tree.path("system"), tree.path("system.slice")));
    EXPECT_FALSE(read_protection(tree.path(), tree.path("system.slice/../system.slice")));
    const auto root = read_protection(tree.path(), tree.path());
    ASSERT_TRUE(root);
    EXPECT_TRUE(root->empty());
}

TEST(recursive_protection, is_a_mount_option_of_the_cgroup2_file_system) {
    const char* with =
        "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
        "35 25 0:30 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 "
        "rw,nsdelegate,memory_recursiveprot\n";
    EXPECT_TRUE(has_recursive_protection(with, "/sys/fs/cgroup"));
    EXPECT_TRUE(has_recursive_protection(with, "/sys/fs/cgroup/"));
    EXPECT_FALSE(has_recursive_protection(with, "/sys"));
    EXPECT_FALSE(has_recursive_protection(with, "/elsewhere"));
    EXPECT_FALSE(has_recursive_protection(
        "35 25 0:30 / /sys/fs/cgroup rw,memory_recursiveprot shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
        "/sys/fs/cgroup"))
        << "an option of the mount point is not one of the file system";
    EXPECT_FALSE(has_recursive_protection("", "/sys/fs/cgroup"));
    EXPECT_FALSE(has_recursive_protection("nonsense\n\n- -\n", "/sys/fs/cgroup"));
}

TEST(recursive_protection, no_optional_fields_escaped_paths_and_mounts_on_top_of_each_other) {
    EXPECT_TRUE(has_recursive_protection("35 25 0:30 / /my\\040cgroup rw - cgroup2 none memory_recursiveprot",
                                         "/my cgroup"));
    EXPECT_FALSE(
        has_recursive_protection("35 25 0:30 / /cg rw - cgroup2 none rw,memory_recursiveprot\n"
                                 "36 35 0:31 / /cg rw - tmpfs none rw\n",
                                 "/cg"));
}

}  // namespace
}  // namespace cgroups
