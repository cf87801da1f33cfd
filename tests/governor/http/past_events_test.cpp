// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/past_events.hpp"

#include "governor/publish/render.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <functional>

namespace governor::http {
namespace {

using namespace std::chrono_literals;
using Time = PastQuery::Time;

/// A governor that keeps two events in memory, and a journal that has all.
class PastEventsTest : public testing::Test {
  protected:
    PastEventsTest() { restart(1); }
    /// Another process: memory is empty, the journal is not.
    void restart(std::uint64_t next) {
        next_ = next;
        publish::Publisher::Options options;
        options.keep = 2;
        options.next_id = [this] { return next_++; };
        options.store = [this](const publish::PublishedPtr& event) {
            const auto time = std::chrono::floor<std::chrono::milliseconds>(event->record.time);
            store.put({event->record.sequence, time, event->record.type, {}, {}, {}, event->json});
        };
        publisher.emplace([this] { return now; }, nullptr, options);
    }
    void happen(const std::string& type) {
        publish::Record record;
        record.type = type;
        record.subject =
            publish::Subject{.id = "c1",
                             .name = "jobmate-coach-1",
                             .project = "jobmate",
                             .service = "coach",
                             .labels = std::make_shared<const publish::PackedLabels>(
                                 docker::Labels{{"com.docker.compose.service", "coach"}, {"team", "nlp"}})};
        publisher->publish(record);
    }
    static PastQuery all() {
        return {Time{}, Time{1h}, {"daemon-id", "host"}, [](const docker::Event&) { return true; }};
    }
    std::vector<StreamedEvent> past(PastQuery query = all()) {
        JournalEvents events(*publisher, store, {1000, 50ms});
        return test::run_task(io, events.find(std::move(query)));
    }
    static std::vector<std::string> actions(const std::vector<StreamedEvent>& events) {
        std::vector<std::string> out;
        for (const StreamedEvent& event : events) out.push_back(event.event.action);
        return out;
    }

    boost::asio::io_context io;
    test::FakeEventStore store{io.get_executor()};
    Time now{1s};
    std::uint64_t next_ = 1;
    std::optional<publish::Publisher> publisher;
};

TEST_F(PastEventsTest, WhatAnEarlierGovernorToldIsThereOnceAndInOrder) {
    happen("armed");
    happen("oom_near");
    restart(10);
    happen("governor_started");
    const auto found = past();
    EXPECT_EQ(actions(found), (std::vector<std::string>{"armed", "oom_near", "governor_started"}));
    EXPECT_EQ(found.front().event.actor_id, "c1");
}

TEST_F(PastEventsTest, WhatMemoryHasComesWithAllLabelsTheRestWithComposes) {
    happen("armed");
    happen("oom_near");
    happen("brake");  // memory has lost the first
    const auto found = past();
    ASSERT_EQ(actions(found), (std::vector<std::string>{"armed", "oom_near", "brake"}));
    EXPECT_FALSE(found[0].event.attributes.contains("team"));
    EXPECT_EQ(found[0].event.attributes.at("com.docker.compose.service"), "coach");
    EXPECT_EQ(found[2].event.attributes.at("team"), "nlp");
}

TEST_F(PastEventsTest, ADiskThatFailsLeavesWhatMemoryHas) {
    happen("armed");
    happen("oom_near");
    happen("brake");
    store.problem = "the disk is gone";
    EXPECT_EQ(actions(past()), (std::vector<std::string>{"oom_near", "brake"}));
}

TEST_F(PastEventsTest, TheJournalIsAskedForTheNewestBetweenTheTimes) {
    PastQuery query = all();
    query.from = Time{1500us};
    query.until = Time{2s};
    past(query);
    ASSERT_EQ(store.queries.size(), 1U);
    EXPECT_EQ(store.queries[0].since, publish::Moment{1ms});
    EXPECT_EQ(store.queries[0].until, publish::Moment{2s});
    EXPECT_EQ(store.queries[0].limit, 1000U);
    EXPECT_TRUE(store.queries[0].newest);
}

TEST_F(PastEventsTest, WhatMemoryKnowsToBeTooEarlyDoesNotComeFromTheJournal) {
    now = Time{1s + 200us};
    happen("armed");
    now = Time{1s + 700us};
    happen("oom_near");
    PastQuery query = all();
    query.from = Time{1s + 500us};  // both are of this millisecond, as the journal has it
    EXPECT_EQ(actions(past(query)), std::vector<std::string>{"oom_near"});
}

TEST_F(PastEventsTest, OnlyWhatIsWantedIsKept) {
    happen("armed");
    happen("oom_near");
    happen("brake");
    PastQuery query = all();
    query.wanted = [](const docker::Event& event) { return event.action != "oom_near"; };
    EXPECT_EQ(actions(past(query)), (std::vector<std::string>{"armed", "brake"}));
}

TEST_F(PastEventsTest, OthersHaveTheirTurnWhileManyAreTold) {
    for (int i = 0; i < 500; ++i) happen("armed");
    bool done = false;
    int turns = 0;
    const std::function<void()> other = [&] {
        ++turns;
        if (!done) boost::asio::post(io, other);
    };
    boost::asio::post(io, other);
    EXPECT_EQ(past().size(), 500U);
    done = true;
    EXPECT_GE(turns, 10) << "one slice after the other, and nobody between them";
}

}  // namespace
}  // namespace governor::http
