// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/inbox.hpp"

#include "tests/support/journaling.hpp"

#include <gtest/gtest.h>

namespace governor::journal {
namespace {

using test::event;

std::vector<std::uint64_t> ids(const Batch& batch) {
    std::vector<std::uint64_t> out;
    for (const auto& each : batch.events) out.push_back(each->record.sequence);
    return out;
}
using Ids = std::vector<std::uint64_t>;

TEST(Inbox, GivesInOrderAndForgetsWhatIsStored) {
    Inbox inbox(10);
    for (std::uint64_t id = 1; id <= 3; ++id) inbox.add(event(id));
    EXPECT_EQ(ids(inbox.take(2)), (Ids{1, 2}));
    inbox.settle(true);
    EXPECT_EQ(ids(inbox.take(2)), (Ids{3}));
    inbox.settle(true);
    EXPECT_TRUE(inbox.empty());
}

TEST(Inbox, KeepsWhatCouldNotBeStored) {
    Inbox inbox(10);
    inbox.add(event(1));
    inbox.add(DeadLetter{"t", 1, 1, "x", {}, {}});
    inbox.take(5);
    inbox.add(event(2));
    inbox.settle(false);
    const Batch again = inbox.take(5);
    EXPECT_EQ(ids(again), (Ids{1, 2}));
    EXPECT_EQ(again.dead.size(), 1U);
}

TEST(Inbox, DropsTheOldestThatIsNotBeingStored) {
    Inbox inbox(3);
    inbox.add(event(1));
    inbox.add(event(2));
    inbox.take(1);
    for (std::uint64_t id = 3; id <= 5; ++id) inbox.add(event(id));
    EXPECT_EQ(inbox.take_dropped(), 2U);
    EXPECT_EQ(inbox.take_dropped(), 0U);
    inbox.settle(false);
    EXPECT_EQ(ids(inbox.take(9)), (Ids{1, 4, 5}));
}

TEST(Inbox, CursorsGoForwardOnlyAndMayBeForgotten) {
    Inbox inbox(3);
    inbox.set_cursor("a", 5);
    inbox.set_cursor("a", 3);
    EXPECT_EQ(inbox.cursor("a"), std::optional<std::uint64_t>(5));
    EXPECT_EQ(inbox.take(1).cursors.at("a"), 5U);
    inbox.set_cursor("a", 7);
    inbox.settle(true);
    EXPECT_FALSE(inbox.empty()) << "it moved again while it was stored";
    EXPECT_EQ(inbox.take(1).cursors.at("a"), 7U);
    inbox.settle(true);
    EXPECT_TRUE(inbox.empty());
    inbox.set_cursor("a", 8);
    inbox.set_cursor("b", 9);
    inbox.keep_cursors({"b"});
    const Batch kept = inbox.take(1);
    EXPECT_EQ(kept.kept_cursors, std::set<std::string>{"b"});
    EXPECT_EQ(kept.cursors, (std::map<std::string, std::uint64_t>{{"b", 9}}));
    inbox.settle(false);
    EXPECT_EQ(inbox.take(1).kept_cursors, std::set<std::string>{"b"}) << "it was not stored";
    inbox.keep_cursors({});
    inbox.settle(true);
    EXPECT_EQ(inbox.take(1).kept_cursors, std::set<std::string>{}) << "another order came meanwhile";
    inbox.settle(true);
    EXPECT_TRUE(inbox.empty());
}

TEST(Inbox, FindsTheFirstOrTheLast) {
    Inbox inbox(10);
    for (std::uint64_t id = 1; id <= 5; ++id) inbox.add(event(id, id == 3 ? "b" : "a"));
    const auto found = inbox.find({.service = "a", .limit = 2});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[1].id, 2U);
    EXPECT_EQ(found[1].json, event(2)->json);
    EXPECT_EQ(inbox.find({.service = "a", .limit = 2, .newest = true})[0].id, 4U);
}

}  // namespace
}  // namespace governor::journal
