// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/journal.hpp"

#include "governor/journal/schema.hpp"
#include "governor/journal/sqlite.hpp"
#include "tests/support/journaling.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/tree.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace governor::journal {
namespace {

using namespace std::chrono_literals;
using test::event;
using test::kDay;
using testing::HasSubstr;
using Ids = std::vector<std::uint64_t>;

/// A journal in a temporary folder. Nothing is waited for but what the journal tells.
class JournalTest : public testing::Test {
  protected:
    JournalTest() {
        options.folder = tree.path("state");
        // Only what a test wants to happen by time does.
        options.retry_every = 1h;
        options.trim_every = 1h;
        options.patience = test::kGuard;
        options.page_limit = [this] { return page_limit.load(); };
    }
    void start() {
        journal.reset();
        journal.emplace(
            io.get_executor(), options, [] { return kDay; },
            [this](const std::string& type, const std::string& detail) {
                told.push_back(type);
                details.push_back(detail);
                // As the daemon does it: what the journal tells is an event too.
                append(type);
            });
        committed = 0;
        listening = journal->on_committed([this](std::uint64_t up_to) { committed = up_to; });
    }
    std::uint64_t append(const std::string& type = "armed", std::size_t padding = 0) {
        const std::uint64_t id = journal->next_id();
        journal->append(event(id, "coach", type, kDay, padding));
        return id;
    }
    void wait_for(std::uint64_t id) {
        ASSERT_TRUE(test::run_until(io, [&] { return committed >= id; }));
    }
    void wait_told(const std::string& type) {
        ASSERT_TRUE(test::run_until(io, [&] { return std::ranges::count(told, type) > 0; }));
    }
    Events read(Query query = {}) {
        std::optional<Events> out;
        journal->read(std::move(query), [&](Events events) { out = std::move(events); });
        EXPECT_FALSE(out) << "answers come later";
        EXPECT_TRUE(test::run_until(io, [&] { return out.has_value(); }));
        return *out;
    }
    Ids ids(Query query = {}) {
        const auto events = read(std::move(query));
        Ids out;
        EXPECT_TRUE(events) << events.error();
        for (const Stored& each : *events) out.push_back(each.id);
        return out;
    }
    std::uint64_t cursor(const std::string& name) {
        std::optional<std::uint64_t> out;
        journal->load_cursor(name, [&](std::uint64_t after) { out = after; });
        EXPECT_TRUE(test::run_until(io, [&] { return out.has_value(); }));
        return *out;
    }
    std::string path() const { return options.folder + "/journal.db"; }

    TempTree tree;
    boost::asio::io_context io;
    Options options;
    std::atomic<std::uint32_t> page_limit{0};
    std::optional<Journal> journal;
    std::shared_ptr<void> listening;
    std::uint64_t committed = 0;
    std::vector<std::string> told;
    std::vector<std::string> details;
};

TEST_F(JournalTest, StoresWhatIsAppendedAndKeepsItOverARestart) {
    start();
    const Ids appended{append(), append(), append()};
    wait_for(appended.back());
    EXPECT_EQ(ids(), appended);
    start();
    EXPECT_EQ(ids(), appended);
    const auto next = append();
    EXPECT_GT(next, appended.back());
    EXPECT_EQ(ids({.after = appended.back()}), Ids{next}) << "a read finds what was appended before it";
    EXPECT_TRUE(told.empty());
}

TEST_F(JournalTest, IdsBeginAtTheClockSoThatALostFileRepeatsNone) {
    start();
    const auto first = append();
    EXPECT_GT(first, 1'777'593'600'000U);
    EXPECT_EQ(append(), first + 1);
}

TEST_F(JournalTest, StoresWhatWaitsAtItsEnd) {
    start();
    const auto id = append();
    EXPECT_TRUE(journal->close(test::kGuard));
    start();
    EXPECT_EQ(ids(), Ids{id});
}

TEST_F(JournalTest, OnCommittedEndsWithItsObject) {
    start();
    listening.reset();
    int calls = 0;
    auto other = journal->on_committed([&](std::uint64_t) { ++calls; });
    append();
    EXPECT_TRUE(test::run_until(io, [&] { return calls > 0; }));
    EXPECT_EQ(committed, 0U);
}

TEST_F(JournalTest, ANewCursorBeginsBehindWhatIsThere) {
    start();
    append();
    const auto second = append();
    EXPECT_EQ(cursor("hook"), second);
    const auto third = append();
    journal->advance_cursor("hook", third);
    EXPECT_EQ(cursor("hook"), third) << "before it is stored too";
    start();
    EXPECT_EQ(cursor("hook"), third);
    journal->keep_cursors({"another"});
    const auto fourth = append();
    EXPECT_EQ(cursor("hook"), fourth);
}

TEST_F(JournalTest, DeadLettersOutliveARestart) {
    start();
    const auto id = append();
    journal->add_dead({"slack", id, 4, "410 Gone", Moment(kDay), {}});
    start();
    std::optional<DeadLetters::Letters> letters;
    journal->list_dead(10, [&](DeadLetters::Letters listed) { letters = std::move(listed); });
    ASSERT_TRUE(test::run_until(io, [&] { return letters.has_value(); }));
    ASSERT_TRUE(*letters);
    ASSERT_EQ((*letters)->size(), 1U);
    EXPECT_EQ((*letters)->front().error, "410 Gone");
    EXPECT_EQ((*letters)->front().json, event(id)->json);
}

TEST_F(JournalTest, AFullDiskDegradesToMemoryAndRecovers) {
    page_limit = 20;
    options.retry_every = 1ms;
    start();
    const auto small = append();
    wait_for(small);
    const auto large = append("brake", 200'000);
    wait_told("journal_degraded");
    EXPECT_THAT(details.front(), HasSubstr("journal.db"));
    EXPECT_THAT(details.front(), HasSubstr("free space"));
    const auto later = append("brake");
    wait_for(later);
    EXPECT_EQ(ids({.types = {"armed", "brake"}}), (Ids{small, large, later}))
        << "stored and in memory, together";
    EXPECT_EQ(ids({.types = {"armed", "brake"}, .limit = 2, .newest = true}), (Ids{large, later}));
    EXPECT_EQ(std::ranges::count(told, "journal_degraded"), 1) << "told once, however often it is tried";

    // As when somebody makes room: the limit is asked at the next opening.
    page_limit = 0;
    start();
    const auto after = append("brake");
    wait_for(after);
    EXPECT_EQ(ids({.after = small, .types = {"brake"}}), Ids{after}) << "memory does not outlive the process";
}

TEST_F(JournalTest, AFolderThatCannotBeMadeDegradesAndRecoversWithAllOfIt) {
    tree.file("state", "in the way");
    options.retry_every = 1ms;
    start();
    const auto first = append();
    wait_told("journal_degraded");
    EXPECT_THAT(details.front(), HasSubstr("--state-dir"));
    wait_for(first);
    EXPECT_EQ(ids({.types = {"armed"}}), Ids{first});
    EXPECT_LT(cursor("hook"), first) << "a target is still given what memory holds";

    tree.remove("state");
    wait_told("journal_recovered");
    const auto second = append();
    wait_for(second);
    EXPECT_EQ(ids({.types = {"armed"}}), (Ids{first, second}));
    start();
    EXPECT_EQ(ids({.types = {"armed"}}), (Ids{first, second})) << "on the disk";
}

TEST_F(JournalTest, ADamagedFileIsMovedAsideAndANewOneBegun) {
    tree.file("state/journal.db", std::string(8'192, 'x'));
    start();
    wait_told("journal_damaged");
    const auto id = append();
    wait_for(id);
    EXPECT_EQ(ids({.types = {"armed"}}), Ids{id});
    EXPECT_THAT(details.front(), HasSubstr("journal.db.damaged-20260501T000000Z"));
    EXPECT_EQ(tree.text("state/journal.db.damaged-20260501T000000Z"), std::string(8'192, 'x'));
}

TEST_F(JournalTest, DamageThatShowsLaterIsTreatedTheSame) {
    start();
    std::uint64_t last = 0;
    for (int i = 0; i < 200; ++i) last = append("armed", 1'000);
    wait_for(last);
    journal.reset();
    {
        std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(8 * 4'096);
        const std::string rubbish(40 * 4'096, '\x5a');
        file.write(rubbish.data(), static_cast<std::streamsize>(rubbish.size()));
    }
    start();
    ids();
    wait_told("journal_damaged");
    const auto id = append();
    wait_for(id);
    EXPECT_GT(id, last) << "ids go on growing";
    EXPECT_EQ(ids({.types = {"armed"}}), Ids{id});
}

TEST_F(JournalTest, OnlyThreeDamagedFilesAreKept) {
    for (const char* old : {"20250101T000000Z", "20250102T000000Z", "20250103T000000Z"})
        tree.file("state/journal.db.damaged-" + std::string(old), "old");
    tree.file("state/journal.db", std::string(8'192, 'x'));
    start();
    wait_told("journal_damaged");
    EXPECT_FALSE(std::filesystem::exists(path() + ".damaged-20250101T000000Z"));
    EXPECT_TRUE(std::filesystem::exists(path() + ".damaged-20250102T000000Z"));
}

TEST_F(JournalTest, ANewerSchemaIsLeftAlone) {
    start();
    const auto id = append();
    wait_for(id);
    journal.reset();
    {
        auto database = sqlite::Database::open(path(), 0ms);
        ASSERT_TRUE(database->run("PRAGMA user_version=99"));
    }
    start();
    wait_told("journal_degraded");
    EXPECT_THAT(details.front(), HasSubstr("version 99"));
    const auto next = append();
    wait_for(next);
    journal.reset();
    auto database = sqlite::Database::open(path(), 0ms);
    EXPECT_EQ(database->number("SELECT count(*) FROM events"), 1) << "nothing was written to it";
}

TEST_F(JournalTest, AnOverflowLosesTheOldestAndIsTold) {
    tree.file("state", "in the way");
    options.retry_every = 1ms;
    options.queue = 10;
    start();
    wait_told("journal_degraded");
    Ids appended;
    for (int i = 0; i < 30; ++i) appended.push_back(append());
    tree.remove("state");
    wait_told("journal_events_lost");
    EXPECT_THAT(details.back(), HasSubstr("21 events")) << "journal_degraded is the oldest of them";
    EXPECT_EQ(ids({.types = {"armed"}}), Ids(appended.begin() + 20, appended.end()));
}

TEST_F(JournalTest, RetentionNeedsNoRestart) {
    options.trim_every = 1ms;
    options.retention.size = {1U << 20U};
    start();
    std::uint64_t last = 0;
    for (int i = 0; i < 3'000; ++i) {
        last = append("armed", 1'000);
        if (i % 1'000 == 999) wait_for(last);
    }
    ASSERT_TRUE(test::run_until(io, [this] { return ids({.limit = 1}).front() > 1'777'593'601'000U; }));
    EXPECT_EQ(ids({.limit = 1, .newest = true}), Ids{last});
    EXPECT_TRUE(told.empty());
}

TEST_F(JournalTest, AJumpOfTheWallClockCostsNoEvent) {
    options.trim_every = 1ms;
    options.retention.keep = 1h;
    std::atomic<std::chrono::milliseconds> uptime{5'000ms};
    options.uptime = [&uptime] { return uptime.load(); };
    start();
    const auto first = append();
    wait_for(first);
    const auto trims = [this] {
        return sqlite::Database::open(path(), 1s)->number("SELECT elapsed FROM clock");
    };
    // The fixture's wall clock is another one than that of these events.
    journal->append(event(journal->next_id(), "coach", "armed", kDay + 24h * 400));
    const auto back = journal->next_id();
    journal->append(event(back, "coach", "armed", kDay - 24h * 400));
    wait_for(back);
    uptime = 5'000ms + 30min;
    ASSERT_TRUE(test::run_until(io, [&] { return ids().size() == 3 && *trims() == 1'800'000; }));
    uptime = 5'000ms + 2h;
    ASSERT_TRUE(test::run_until(io, [&] { return ids().empty(); })) << "they grow old all the same";
    listening.reset();
    journal.reset();
}

TEST_F(JournalTest, ATargetThatIsTooFarBehindIsTold) {
    options.retention.size = {1U << 20U};
    start();
    append();
    cursor("webhook https://alerts.example");
    for (int i = 0; i < 5'000; ++i) {
        const auto id = append("armed", 1'000);
        if (i % 1'000 == 999) wait_for(id);
    }
    wait_told("journal_events_lost");
    EXPECT_THAT(details.front(), HasSubstr("webhook https://alerts.example"));
}

TEST_F(JournalTest, AnotherProgramMayLookIntoTheFile) {
    start();
    wait_for(append());
    auto database = sqlite::Database::open(path(), 0ms);
    EXPECT_EQ(database->number("SELECT count(*) FROM events"), 1);
    wait_for(append());
    EXPECT_EQ(database->number("SELECT count(*) FROM events"), 2);
}

}  // namespace
}  // namespace governor::journal
