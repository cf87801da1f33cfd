// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/courier.hpp"

#include "tests/support/fake_journal.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace governor::hooks {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::uint64_t>;

/// Remembers what it was given; the test says how it went.
class FakeCarrier final : public Carrier {
  public:
    void carry(Parcel parcel, Done done) override {
        carried.push_back(parcel.event.id);
        done_ = std::move(done);
    }
    void answer(Outcome outcome) { std::exchange(done_, nullptr)(std::move(outcome)); }
    bool busy() const { return static_cast<bool>(done_); }

    Ids carried;

  private:
    Done done_;
};

/// Tells of every event but those of type "dull", and of alerts when the test says so.
class FakeContent final : public Content {
  public:
    std::optional<Parcel> for_event(const journal::Stored& event, WallTime) override {
        if (event.type == "dull") return std::nullopt;
        return Parcel{event, "body", "text/plain"};
    }
    Due due(WallTime) override { return due_now; }
    void settled(WallTime) override { due_now = {}; }

    Due due_now;
};

const Outcome kDown{Outcome::Kind::kFailed, "it is down", {}};
const Outcome kNever{Outcome::Kind::kRefused, "400", {}};

class CourierTest : public testing::Test {
  protected:
    void start() {
        auto owned_carrier = std::make_unique<FakeCarrier>();
        auto owned_content = std::make_unique<FakeContent>();
        carrier = owned_carrier.get();
        content = owned_content.get();
        courier = std::make_unique<Courier>(Courier::Parts{
            .target = "pager",
            .types = {},
            .retry = {.from = 1s, .to = 60s, .give_up = 10min},
            .store = store,
            .cursors = cursors,
            .dead = dead,
            .carrier = std::move(owned_carrier),
            .content = std::move(owned_content),
            .replay = {},
            .clock = [this] { return now; },
            .wall = [] { return std::chrono::system_clock::time_point(1h); },
            .chance = [] { return 1.0; },
            .later = [this](std::chrono::milliseconds wait,
                            std::function<void()> then) { timers.emplace_back(wait, std::move(then)); },
            .tell =
                [this](const std::string& type, const std::string& detail) {
                    told.push_back(type + ": " + detail);
                    happen(1'000 + told.size(), type);
                    return 1'000 + told.size();
                },
            .count = [](std::string_view) {}});
        courier->start();
        settle();
    }
    void happen(std::uint64_t id, const std::string& type = "brake") {
        store.put({id, {}, type, {}, {}, {}, R"({"type":")" + type + "\"}"});
    }
    /// Everything that is ready on the loop.
    void settle() {
        io.restart();
        io.poll();
    }
    void answer(const Outcome& outcome) {
        carrier->answer(outcome);
        settle();
    }
    /// The time of the only timer; it rings.
    std::chrono::milliseconds ring() {
        EXPECT_EQ(timers.size(), 1U);
        auto [wait, then] = std::move(timers.back());
        timers.clear();
        now += wait;
        then();
        settle();
        return wait;
    }

    boost::asio::io_context io;
    test::FakeEventStore store{io.get_executor()};
    test::FakeCursors cursors{io.get_executor()};
    test::FakeDeadLetters dead{io.get_executor()};
    policies::TimePoint now{1h};
    std::vector<std::pair<std::chrono::milliseconds, std::function<void()>>> timers;
    std::vector<std::string> told;
    FakeCarrier* carrier = nullptr;
    FakeContent* content = nullptr;
    std::unique_ptr<Courier> courier;
};

TEST_F(CourierTest, DeliversInOrderOneAtATimeFromItsPosition) {
    for (std::uint64_t id = 1; id <= 4; ++id) happen(id);
    cursors.positions["pager"] = 2;
    start();
    EXPECT_EQ(carrier->carried, Ids{3});
    answer({});
    EXPECT_EQ(carrier->carried, (Ids{3, 4}));
    EXPECT_EQ(cursors.positions["pager"], 3U) << "the fourth is not delivered yet";
    answer({});
    happen(5);
    settle();
    EXPECT_EQ(carrier->carried, (Ids{3, 4, 5}));
}

TEST_F(CourierTest, MoreThanAPageAndEverythingOnce) {
    Ids all;
    for (std::uint64_t id = 1; id <= 350; ++id) {
        happen(id);
        all.push_back(id);
    }
    start();
    while (carrier->busy()) answer({});
    EXPECT_EQ(carrier->carried, all);
}

TEST_F(CourierTest, AFailureIsRepeatedWithTheSameIdAndHoldsUpTheNext) {
    happen(1);
    happen(2);
    start();
    answer(kDown);
    EXPECT_FALSE(carrier->busy());
    EXPECT_EQ(ring(), 1s);
    answer(kDown);
    EXPECT_EQ(ring(), 2s);
    answer({});
    EXPECT_EQ(carrier->carried, (Ids{1, 1, 1, 2}));
    EXPECT_EQ(courier->counts().delivered, 1U);
    EXPECT_EQ(courier->counts().failed, 2U);
}

TEST_F(CourierTest, WhatIsGivenUpIsADeadLetterAndTheNextGoesOn) {
    happen(1);
    happen(2);
    start();
    answer(kNever);
    ASSERT_EQ(dead.letters.size(), 1U);
    EXPECT_EQ(dead.letters[0].event, 1U);
    EXPECT_EQ(dead.letters[0].attempts, 1);
    EXPECT_EQ(dead.letters[0].error, "400");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].starts_with("hook_undelivered: ")) << told[0];
    EXPECT_EQ(cursors.positions["pager"], 1U);
    EXPECT_EQ(carrier->carried, (Ids{1, 2}));
}

TEST_F(CourierTest, AnEventIsGivenUpAfterItsTime) {
    happen(1);
    happen(2);
    start();
    while (dead.letters.empty()) {
        answer(kDown);
        ASSERT_LT(carrier->carried.size(), 50U);
        if (dead.letters.empty()) ring();
    }
    EXPECT_GT(dead.letters[0].attempts, 10);
    EXPECT_EQ(carrier->carried.back(), 1U) << "the next one waits too: the target is still down";
    ring();
    EXPECT_EQ(carrier->carried.back(), 2U);
}

TEST_F(CourierTest, ATargetIsNotToldOfItsOwnTroubles) {
    happen(1);
    start();
    answer(kNever);  // tells hook_undelivered, which this hook would get, and refuse…
    EXPECT_EQ(carrier->carried, Ids{1});
    EXPECT_EQ(told.size(), 1U);
    happen(2'000);
    settle();
    EXPECT_EQ(carrier->carried, (Ids{1, 2'000}));
}

TEST_F(CourierTest, FailingAndRecoveredAreToldOnce) {
    happen(1);
    start();
    for (int i = 0; i < 8; ++i) {
        answer(kDown);
        ring();
    }
    EXPECT_TRUE(courier->failing());
    EXPECT_EQ(courier->last_error(), "it is down");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].starts_with("hook_failing: 'pager'")) << told[0];
    answer({});
    ASSERT_EQ(told.size(), 2U);
    EXPECT_TRUE(told[1].starts_with("hook_recovered: 'pager'")) << told[1];
    EXPECT_EQ(courier->last_error(), "");
}

TEST_F(CourierTest, WhatNobodyWantsIsPassedWithoutAWriteForEach) {
    for (std::uint64_t id = 1; id <= 10; ++id) happen(id, "dull");
    start();
    EXPECT_TRUE(carrier->carried.empty());
    EXPECT_EQ(cursors.positions["pager"], 0U);
    happen(11);
    settle();
    answer({});
    EXPECT_EQ(cursors.positions["pager"], 11U);
}

TEST_F(CourierTest, AlertsThatAreDueComeAfterTheEventsAndByThemselves) {
    start();
    happen(1);
    settle();
    content->due_now = {Parcel{{}, "alerts", "application/json"}, {}};
    happen(2);
    answer({});
    EXPECT_EQ(carrier->carried, (Ids{1, 2})) << "events first";
    content->due_now = {std::nullopt, std::chrono::system_clock::time_point(1h + 60s)};
    carrier->answer({});
    content->due_now = {std::nullopt, std::chrono::system_clock::time_point(1h + 60s)};
    happen(3, "dull");
    settle();
    ASSERT_FALSE(timers.empty());
    content->due_now = {Parcel{{}, "alerts", "application/json"}, {}};
    timers.erase(timers.begin(), timers.end() - 1);
    EXPECT_EQ(ring(), 60s);
    EXPECT_EQ(carrier->carried, (Ids{1, 2, 0}));
}

TEST_F(CourierTest, OneTimerForWhatIsDueHoweverManyEventsPass) {
    start();
    content->due_now = {std::nullopt, std::chrono::system_clock::time_point(1h + 60s)};
    for (std::uint64_t id = 1; id <= 20; ++id) {
        happen(id, "dull");
        settle();
    }
    EXPECT_EQ(timers.size(), 1U);
}

TEST_F(CourierTest, AJournalThatCannotBeReadIsAskedByOneTimerHoweverManyEventsCome) {
    store.problem = "the disk is gone";
    start();
    for (std::uint64_t id = 1; id <= 20; ++id) {
        happen(id);
        settle();
    }
    EXPECT_EQ(timers.size(), 1U);
}

TEST_F(CourierTest, AJournalThatCannotBeReadIsAskedAgain) {
    happen(1);
    store.problem = "the disk is gone";
    start();
    EXPECT_TRUE(carrier->carried.empty());
    store.problem.clear();
    ring();
    EXPECT_EQ(carrier->carried, Ids{1});
}

TEST_F(CourierTest, ATimerThatRingsAfterItsEndDoesNothing) {
    happen(1);
    start();
    answer(kDown);
    auto late = std::move(timers.back().second);
    courier.reset();
    late();
    settle();
}

}  // namespace
}  // namespace governor::hooks
