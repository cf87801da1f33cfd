// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/write_watch.hpp"

#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

namespace cgroups {
namespace {

TEST(write_watch, a_write_is_told_once_however_often_it_was_written) {
    const TempTree tree;
    tree.file("memory.min", "0\n");
    tree.file("memory.low", "0\n");
    const auto watch = WriteWatch::open();
    ASSERT_TRUE(watch);
    const auto min = watch->add(tree.path("memory.min"));
    const auto low = watch->add(tree.path("memory.low"));
    ASSERT_TRUE(min && low);
    EXPECT_NE(*min, *low);
    EXPECT_EQ(watch->add(tree.path("memory.min")), *min);
    EXPECT_TRUE(watch->take().empty());
    tree.file("memory.min", "1\n");
    tree.file("memory.min", "2\n");
    EXPECT_EQ(watch->take(), std::vector<int>{*min});
    EXPECT_TRUE(watch->take().empty());
}

TEST(write_watch, what_was_removed_is_told_no_more) {
    const TempTree tree;
    tree.file("memory.min", "0\n");
    const auto watch = WriteWatch::open();
    const auto id = watch->add(tree.path("memory.min"));
    ASSERT_TRUE(id);
    watch->remove(*id);
    tree.file("memory.min", "1\n");
    EXPECT_TRUE(watch->take().empty());
}

TEST(write_watch, a_file_that_is_not_there_is_gone) {
    const TempTree tree;
    const auto watch = WriteWatch::open();
    const auto id = watch->add(tree.path("memory.min"));
    ASSERT_FALSE(id);
    EXPECT_TRUE(id.error().gone());
}

}  // namespace
}  // namespace cgroups
