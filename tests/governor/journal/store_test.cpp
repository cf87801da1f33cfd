// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/store.hpp"

#include "governor/journal/schema.hpp"
#include "tests/support/journaling.hpp"
#include "tests/support/tree.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace governor::journal {
namespace {

using namespace std::chrono_literals;
using test::event;
using test::kDay;
using testing::HasSubstr;
using Ids = std::vector<std::uint64_t>;

class StoreTest : public testing::Test {
  protected:
    Store open(std::uint64_t at_least = 0, std::uint32_t page_limit = 0) {
        auto opened = Store::open(path, at_least, page_limit);
        if (!opened) throw std::runtime_error(opened.error().message);
        return std::move(*opened);
    }
    static void put(Store& store, std::vector<publish::PublishedPtr> events) {
        Batch batch;
        batch.events = std::move(events);
        const auto done = store.commit(batch);
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_EQ(*done, 0U);
    }
    static Ids ids(Store& store, const Query& query = {}) {
        const auto found = store.read(query);
        Ids out;
        EXPECT_TRUE(found) << found.error().message;
        for (const Stored& each : *found) out.push_back(each.id);
        return out;
    }

    TempTree tree;
    std::string path = tree.path("journal.db");
};

TEST_F(StoreTest, GivesBackWhatWasStoredAfterAReopening) {
    {
        auto store = open();
        put(store, {event(7, "coach", "brake", kDay + 1500us)});
    }
    auto store = open();
    const auto found = store.read({});
    ASSERT_TRUE(found);
    const Stored expected{7,       Moment(kDay) + 1ms, "brake",       "jobmate",
                          "coach", "jobmate-coach-1",  event(7)->json};
    EXPECT_EQ(*found, std::vector{expected});
}

TEST_F(StoreTest, OthersMayNotReadTheFile) {
    auto store = open();
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0007U, 0U);
}

TEST_F(StoreTest, FindsByIdTimeServiceAndType) {
    auto store = open();
    put(store, {event(1, "a", "armed", kDay), event(2, "b", "brake", kDay + 10s),
                event(3, "a", "brake", kDay + 20s), event(4, "a", "killed", kDay + 30s)});
    EXPECT_EQ(ids(store), (Ids{1, 2, 3, 4}));
    EXPECT_EQ(ids(store, {.after = 1, .before = 4}), (Ids{2, 3}));
    EXPECT_EQ(ids(store, {.since = Moment(kDay + 10s), .until = Moment(kDay + 20s)}), (Ids{2, 3}));
    EXPECT_EQ(ids(store, {.service = "a"}), (Ids{1, 3, 4}));
    EXPECT_EQ(ids(store, {.service = "jobmate/b"}), (Ids{2}));
    EXPECT_EQ(ids(store, {.service = "jobmate-b-1"}), (Ids{2}));
    EXPECT_EQ(ids(store, {.service = "jobmate"}), (Ids{}));
    EXPECT_EQ(ids(store, {.types = {"brake", "killed"}}), (Ids{2, 3, 4}));
    EXPECT_EQ(ids(store, {.service = "a", .types = {"brake"}}), (Ids{3}));
    EXPECT_EQ(ids(store, {.service = "' OR 1=1 --"}), (Ids{}));
    EXPECT_EQ(ids(store, {.limit = 2}), (Ids{1, 2}));
    EXPECT_EQ(ids(store, {.limit = 2, .newest = true}), (Ids{3, 4}));
}

TEST_F(StoreTest, TheQueryItselfMatchesTheSame) {
    auto store = open();
    std::vector<publish::PublishedPtr> events;
    for (std::uint64_t id = 1; id <= 40; ++id)
        events.push_back(event(id, id % 3 == 0 ? "a" : "b", id % 2 == 0 ? "brake" : "armed",
                               kDay + std::chrono::microseconds(id * 400)));
    put(store, events);
    const std::vector<Query> queries{{},
                                     {.after = 3, .before = 20},
                                     {.since = Moment(kDay) + 4ms, .until = Moment(kDay) + 9ms},
                                     {.service = "jobmate/a", .types = {"brake"}}};
    for (const Query& query : queries) {
        Ids expected;
        for (const auto& each : events)
            if (query.matches(each->record)) expected.push_back(each->record.sequence);
        EXPECT_FALSE(expected.empty());
        EXPECT_EQ(ids(store, query), expected);
    }
}

TEST_F(StoreTest, IdsAreNeverReservedTwice) {
    const std::uint64_t first = open().first_id();
    EXPECT_EQ(first, 1U);
    // Killed before anything was stored: what was printed meanwhile is below.
    const std::uint64_t second = open().first_id();
    EXPECT_GT(second, first + kIdBlock - 1);
    {
        auto store = open();
        // More than one block in one life.
        for (std::uint64_t id = store.first_id(); id < 4 * kIdBlock; id += 4'000) put(store, {event(id)});
    }
    EXPECT_GT(open().first_id(), 4 * kIdBlock + kIdBlock / 2 - 4'000);
    EXPECT_GT(open(1'777'593'600'000).first_id(), 1'777'593'600'000U) << "the clock's, when that is later";
    EXPECT_GT(open(5).first_id(), 1'777'593'600'000U) << "the file's, when the clock was set back";
}

TEST_F(StoreTest, AnIdThatIsTakenKeepsItsFirstEvent) {
    auto store = open();
    put(store, {event(1, "first")});
    Batch batch;
    batch.events = {event(1, "second"), event(2)};
    EXPECT_EQ(store.commit(batch), 1U) << "one could not be stored";
    EXPECT_EQ(ids(store, {.service = "first"}), (Ids{1}));
    EXPECT_EQ(ids(store), (Ids{1, 2}));
}

TEST_F(StoreTest, CursorsOutliveAReopeningAndNeverMoveBack) {
    {
        auto store = open();
        put(store, {event(1), event(2)});
        EXPECT_EQ(store.cursor("new"), 2U) << "behind the newest event";
        Batch batch;
        batch.kept_cursors = {"hook"};
        batch.cursors = {{"hook", 5}};
        ASSERT_TRUE(store.commit(batch));
        batch.kept_cursors.reset();
        batch.cursors = {{"hook", 3}};
        ASSERT_TRUE(store.commit(batch));
    }
    auto store = open();
    put(store, {event(9)});
    EXPECT_EQ(store.cursor("hook"), 5U);
    EXPECT_EQ(store.cursor("new"), 9U) << "it was forgotten, and is new again";
}

TEST_F(StoreTest, DeadLettersAreListedWithTheirEvents) {
    auto store = open();
    put(store, {event(1), event(2)});
    Batch batch;
    batch.dead = {{"slack", 1, 3, "timeout", Moment(kDay), {}},
                  {"slack", 7, 1, "404", Moment(kDay + 1s), {}},
                  {"slack", 1, 5, "refused", Moment(kDay + 2s), {}}};
    ASSERT_TRUE(store.commit(batch));
    const auto letters = store.dead(10);
    ASSERT_TRUE(letters);
    ASSERT_EQ(letters->size(), 2U);
    EXPECT_EQ((*letters)[0], (DeadLetter{"slack", 7, 1, "404", Moment(kDay + 1s), ""}));
    EXPECT_EQ((*letters)[1], (DeadLetter{"slack", 1, 5, "refused", Moment(kDay + 2s), event(1)->json}));
    EXPECT_EQ(store.dead(1)->front().event, 1U) << "the last ones";
}

TEST_F(StoreTest, AFullDiskStoresAllOrNothing) {
    auto store = open(0, 20);
    Batch batch;
    for (std::uint64_t id = 1; id <= 100; ++id) batch.events.push_back(event(id, "a", "armed", kDay, 2'000));
    const auto done = store.commit(batch);
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().full()) << done.error().message;
    EXPECT_THAT(done.error().message, HasSubstr(path));
    EXPECT_EQ(ids(store), (Ids{}));
    batch.events.resize(1);
    EXPECT_TRUE(store.commit(batch)) << "what fits is stored";
}

TEST_F(StoreTest, RefusesANewerSchemaAndAnotherProgramsFile) {
    { open(); }
    {
        auto database = sqlite::Database::open(path, 0ms);
        ASSERT_TRUE(database->run("PRAGMA user_version=" + std::to_string(kSchemaVersion + 1)));
    }
    const auto newer = Store::open(path, 0, 0);
    ASSERT_FALSE(newer);
    EXPECT_EQ(newer.error().code, kForeignFile);
    EXPECT_THAT(newer.error().message, HasSubstr("version " + std::to_string(kSchemaVersion + 1)));
    EXPECT_FALSE(newer.error().damaged()) << "it is not moved away";

    const std::string foreign = tree.path("foreign.db");
    {
        auto database = sqlite::Database::open(foreign, 0ms);
        ASSERT_TRUE(database->run("CREATE TABLE mine(x)"));
    }
    const auto refused = Store::open(foreign, 0, 0);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("another program"));
}

TEST_F(StoreTest, SaysThatAFileIsDamaged) {
    tree.file("journal.db", std::string(8'192, 'x'));
    const auto opened = Store::open(path, 0, 0);
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().damaged()) << opened.error().message;
}

TEST_F(StoreTest, SaysThatAFolderIsMissing) {
    const auto opened = Store::open(tree.path("none/journal.db"), 0, 0);
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().denied());
    EXPECT_THAT(opened.error().message, HasSubstr("No such file"));
}

}  // namespace
}  // namespace governor::journal
