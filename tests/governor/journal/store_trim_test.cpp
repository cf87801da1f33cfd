// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/sqlite.hpp"
#include "governor/journal/store.hpp"
#include "tests/support/journaling.hpp"
#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

namespace governor::journal {
namespace {

using namespace std::chrono_literals;
using test::event;
using test::kDay;

/// An event that takes about this much.
constexpr std::size_t kFat = 1'000;

class Trim : public testing::Test {
  protected:
    Trim() : store(*Store::open(path, 0, 0)) {}

    void fill(std::uint64_t from, std::uint64_t to, std::chrono::milliseconds apart,
              std::size_t padding = kFat) {
        Batch batch;
        for (std::uint64_t id = from; id <= to; ++id)
            batch.events.push_back(event(id, "a", "armed", kDay + apart * id, padding));
        ASSERT_TRUE(store.commit(batch));
    }
    void put_cursor(const std::string& name, std::uint64_t position) {
        Batch batch;
        batch.cursors = {{name, position}};
        ASSERT_TRUE(store.commit(batch));
    }
    /// Steps until nothing more is to be done; returns the unread ones of "hook".
    std::uint64_t trim(Elapsed now) {
        std::uint64_t unread = 0;
        for (int steps = 0; steps < 1'000; ++steps) {
            const auto before = count();
            const auto done = store.trim(retention, now);
            if (!done) throw std::runtime_error(done.error().message);
            EXPECT_LE(before - count(), 300U) << "one step is a short one";
            const auto found = done->unread.find("hook");
            if (found != done->unread.end()) unread += found->second;
            if (!done->more) return unread;
        }
        throw std::runtime_error("it never ends");
    }
    std::vector<Stored> all() { return *store.read({.limit = 1'000'000}); }
    std::size_t count() { return all().size(); }
    sqlite::Result<std::int64_t> rows(const std::string& table) {
        auto database = sqlite::Database::open(path, 0ms);
        return database->number("SELECT count(*) FROM " + table);
    }

    TempTree tree;
    std::string path = tree.path("journal.db");
    Retention retention{.keep = 1h, .size = policies::Bytes{64U << 20U}};
    Store store;
};

TEST_F(Trim, ByAgeWhateverTheWallClockSays) {
    // Their times are days apart in both directions: before a clock was set, and after it was set back.
    for (std::uint64_t id = 1; id <= 200; ++id) {
        const auto time = kDay + 24h * (id % 3 == 0 ? 400 : id % 3 == 1 ? -400 : 0);
        Batch batch;
        batch.events = {event(id, "a", "armed", time)};
        ASSERT_TRUE(store.commit(batch));
        trim(1min * id);
    }
    const auto oldest = all().front().id;
    EXPECT_GE(oldest, 138U) << "an hour is 60 of them, and one more may be left";
    EXPECT_LE(oldest, 140U) << "an hour old is kept";
    EXPECT_LE(*rows("checkpoints"), 66) << "bounded";
}

TEST_F(Trim, NothingGrowsOldWhileTheClockStands) {
    fill(1, 100, 1min, 10);
    for (int i = 0; i < 10; ++i) trim(5h);
    EXPECT_EQ(count(), 100U);
}

TEST_F(Trim, EventsOfAnOlderSchemaAreKeptForTheWholeTime) {
    fill(1, 10, 1min, 10);
    { const Store gone = std::move(store); }
    {
        auto old = sqlite::Database::open(path, 0ms);
        ASSERT_TRUE(old->run("DROP TABLE clock; DROP TABLE checkpoints; PRAGMA user_version=1"));
    }
    store = std::move(*Store::open(path, 0, 0));
    EXPECT_EQ(*store.elapsed(), 0ms);
    trim(0ms);
    trim(1h);
    EXPECT_EQ(count(), 10U);
    trim(1h + 1ms);
    EXPECT_EQ(count(), 0U);
}

TEST_F(Trim, TheClockGoesOnWhereItStood) {
    trim(90min);
    { const Store gone = std::move(store); }
    store = std::move(*Store::open(path, 0, 0));
    EXPECT_EQ(*store.elapsed(), 90min);
}

TEST_F(Trim, BySizeTheOldestGoAndTheFileShrinks) {
    retention.size = {1U << 20U};
    fill(1, 4'000, 1ms);
    EXPECT_EQ(trim(0ms), 0U);
    const auto left = all();
    EXPECT_EQ(left.back().id, 4'000U);
    EXPECT_GT(left.size(), 500U);
    EXPECT_LT(left.size(), 1'000U);
    { const Store gone = std::move(store); }
    EXPECT_LT(std::filesystem::file_size(path), 2U << 20U);
}

TEST_F(Trim, WhatACursorHasNotReadStays) {
    retention.size = {1U << 20U};
    fill(1, 1'200, 1ms);
    put_cursor("other", 1'200);
    put_cursor("hook", 40);
    EXPECT_EQ(trim(48h), 0U);
    EXPECT_EQ(all().front().id, 41U) << "neither its age nor the size takes it";
}

TEST_F(Trim, BeyondTwiceTheSizeItGoesAndIsCounted) {
    retention.size = {1U << 20U};
    fill(1, 4'000, 1ms);
    put_cursor("hook", 40);
    put_cursor("other", 4'000);
    const auto unread = trim(0ms);
    const auto left = all();
    EXPECT_EQ(unread, left.front().id - 41) << "each one that it will miss";
    EXPECT_GT(left.size(), 1'000U) << "twice the size is still held for it";
    EXPECT_LT(left.size(), 2'100U);
}

TEST_F(Trim, DeadLettersGoWithTheirEvents) {
    fill(1, 1, 1min, 10);
    trim(0ms);
    fill(2, 2, 1min, 10);
    Batch batch;
    // The wall clock was wrong when the second one was given up.
    batch.dead = {{"t", 1, 1, "x", Moment(kDay), {}}, {"t", 2, 1, "x", Moment(kDay - 24h * 400), {}}};
    ASSERT_TRUE(store.commit(batch));
    trim(1h + 1ms);
    ASSERT_EQ(store.dead(10)->size(), 1U);
    EXPECT_EQ(store.dead(10)->front().event, 2U);
}

}  // namespace
}  // namespace governor::journal
