// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/event_feed.hpp"

#include "tests/support/fake_journal.hpp"
#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace governor::http {
namespace {

using Ids = std::vector<std::uint64_t>;

/// A publisher that keeps five events, and a store that has all of them.
class EventFeedTest : public testing::Test {
  protected:
    EventFeedTest() {
        publish::Publisher::Options options;
        options.keep = 5;
        options.store = [this](const publish::PublishedPtr& event) {
            if (storing) store.put({event->record.sequence, {}, event->record.type, {}, {}, {}, event->json});
        };
        publisher.emplace([] { return std::chrono::system_clock::time_point{}; }, nullptr, options);
    }
    void happen(int count, const std::string& type = "armed") {
        for (int i = 0; i < count; ++i) {
            publish::Record record;
            record.type = type;
            publisher->publish(record);
        }
    }
    EventFeed feed(journal::Query query, bool follow = false) {
        return {*publisher, &store, std::move(query), follow, [this] { ++woken; }};
    }
    /// Until it has none now.
    Ids all_of(EventFeed& from) {
        Ids out;
        while (true) {
            const std::string lines = test::run_task(io, from.next());
            if (lines.empty()) return out;
            std::istringstream in(lines);
            for (std::string line; std::getline(in, line);)
                out.push_back(nlohmann::json::parse(line).at("id").get<std::uint64_t>());
        }
    }
    static Ids range(std::uint64_t from, std::uint64_t to) {
        Ids out;
        for (; from <= to; ++from) out.push_back(from);
        return out;
    }

    boost::asio::io_context io;
    test::FakeEventStore store{io.get_executor()};
    std::optional<publish::Publisher> publisher;
    bool storing = true;
    int woken = 0;
};

TEST_F(EventFeedTest, GivesStoredOnesThenThoseInMemory) {
    happen(12);
    auto all = feed({});
    EXPECT_EQ(all_of(all), range(1, 12));
    EXPECT_TRUE(all.complete());
    auto some = feed({.after = 4, .types = {"armed"}});
    EXPECT_EQ(all_of(some), range(5, 12));
    auto few = feed({.after = 10});
    EXPECT_EQ(all_of(few), range(11, 12));
}

TEST_F(EventFeedTest, ALongPastComesInPieces) {
    happen(1'700);
    auto all = feed({});
    EXPECT_EQ(all_of(all), range(1, 1'700));
    EXPECT_GE(store.queries.size(), 4U);
}

TEST_F(EventFeedTest, TheLastThousandWhenNoBeginningWasAskedFor) {
    happen(3'000);
    auto last = feed({.newest = true});
    EXPECT_EQ(all_of(last), range(2'001, 3'000));
    happen(3, "brake");
    auto brakes = feed({.types = {"brake"}, .newest = true});
    EXPECT_EQ(all_of(brakes), range(3'001, 3'003));
}

TEST_F(EventFeedTest, WhatHappensWhileTheStoreIsReadIsNeitherMissedNorRepeated) {
    happen(8);
    // So many that what memory held at first is gone from it when the answer comes.
    store.during_read = [this] { happen(20); };
    auto all = feed({}, true);
    EXPECT_EQ(all_of(all), range(1, 28));
    store.during_read = [this] { happen(20); };
    auto last = feed({.newest = true}, true);
    EXPECT_EQ(all_of(last), range(1, 48));
}

TEST_F(EventFeedTest, FollowsWithoutGapOrRepetition) {
    happen(8);
    auto following = feed({.newest = true}, true);
    EXPECT_EQ(all_of(following), range(1, 8));
    EXPECT_FALSE(following.complete());
    happen(2);
    EXPECT_GT(woken, 0);
    EXPECT_EQ(all_of(following), range(9, 10));
}

TEST_F(EventFeedTest, FollowsFromTheVeryFirstEvent) {
    auto following = feed({.newest = true}, true);
    EXPECT_EQ(all_of(following), Ids{});
    happen(2);
    EXPECT_EQ(all_of(following), range(1, 2));
}

TEST_F(EventFeedTest, AStoreThatFailsCostsOnlyThePast) {
    happen(8);
    store.problem = "the disk is gone";
    auto all = feed({});
    EXPECT_EQ(all_of(all), range(4, 8));
    EventFeed without(*publisher, nullptr, {}, false, nullptr);
    EXPECT_EQ(all_of(without), range(4, 8));
}

TEST_F(EventFeedTest, AReaderTooFarBehindIsToldSo) {
    happen(1);
    auto following = feed({}, true);
    all_of(following);
    happen(300);
    EXPECT_TRUE(following.overrun());
}

}  // namespace
}  // namespace governor::http
