// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/oom_log.hpp"

#include "tests/support/kernel_log.hpp"

#include <gtest/gtest.h>

namespace governor::watch {
namespace {

OomLog open(const FakeKernelLog& log, std::optional<std::uint64_t> told) {
    return OomLog(std::move(*cgroups::KernelLog::open(log.path())), told);
}

TEST(OomLog, ThePastIsLeftAloneOnAFirstStart) {
    const TempTree tree;
    FakeKernelLog kernel(tree);
    OomLog log = open(kernel, std::nullopt);
    kernel.oom("/a", 1, "old");
    EXPECT_FALSE(log.next());
    EXPECT_TRUE(log.caught_up());
    EXPECT_EQ(log.cursor(), kernel.sequence());
    kernel.oom("/a", 2, "new");
    const auto heard = log.next();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->report.comm, "new");
    EXPECT_FALSE(heard->missed);
    EXPECT_FALSE(log.next());
}

TEST(OomLog, WhatHappenedWhileNoGovernorRanIsGivenFromWhereTheLastOneStopped) {
    const TempTree tree;
    FakeKernelLog kernel(tree);
    kernel.oom("/a", 1, "told");
    OomLog log = open(kernel, kernel.sequence());
    kernel.oom("/a", 2, "missed");
    const auto heard = log.next();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->report.comm, "missed");
    EXPECT_TRUE(heard->missed);
    EXPECT_FALSE(log.next());
    EXPECT_TRUE(log.caught_up());
}

TEST(OomLog, TheCursorStaysBeforeWhatWasNotToldYet) {
    const TempTree tree;
    FakeKernelLog kernel(tree);
    OomLog log = open(kernel, std::nullopt);
    EXPECT_FALSE(log.next());
    kernel.oom("/a", 1, "first");
    const auto first = log.next();
    kernel.oom("/b", 2, "second");
    const auto second = log.next();
    ASSERT_TRUE(first && second);
    log.was_told(second->report.sequence);
    EXPECT_EQ(log.cursor(), first->report.sequence - 1);
    log.was_told(first->report.sequence);
    EXPECT_EQ(log.cursor(), second->report.sequence);
}

TEST(OomLog, TheCursorCountsForOneBoot) {
    EXPECT_EQ(parse_cursor(cursor_text("boot-a\n", 7), "boot-a\n"), 7U);
    EXPECT_EQ(parse_cursor(cursor_text("boot-a", 7), "boot-b"), std::nullopt);
    for (const char* damaged :
         {"", "boot-a", "boot-a ", "boot-a \n", "boot-a 7", "boot-a x\n", "boot-ab 7\n"})
        EXPECT_EQ(parse_cursor(damaged, "boot-a"), std::nullopt) << damaged;
    EXPECT_EQ(parse_cursor(" 7\n", ""), std::nullopt);
}

}  // namespace
}  // namespace governor::watch
