// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/snapshot.hpp"
#include "tests/support/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <sstream>

namespace governor::metrics {
namespace {

using namespace std::chrono_literals;
using policies::operator""_MiB;
using testing::HasSubstr;
using testing::Not;

Labels labels_of(const std::string& service) {
    return Labels()
        .with("project", "jobmate")
        .with("service", service)
        .with("container", "jobmate-" + service + "-1")
        .with("policy", service);
}

/// A stack in which everything has happened once.
class RenderTest : public testing::Test {
  protected:
    RenderTest() {
        snapshot_.registry = &registry_;
        snapshot_.loop_lag = &lag_;
        for (const policies::EventType type :
             {policies::EventType::kOomNear, policies::EventType::kPageCacheChurn,
              policies::EventType::kOomVerdict, policies::EventType::kRestartFinished}) {
            publish::Record record;
            record.type = policies::to_string(type);
            record.subject = publish::Subject{.id = "coach"};
            record.event.emplace();
            record.event->type = type;
            record.event->outcome = policies::Outcome::kGraceful;
            record.event->verdict = policies::Verdict::kAncestorLimit;
            record.event->brake = 20ms;
            record.event->drain = 2s;
            registry_.publish(record);
        }
        add_coach();
        add_postgres();
        snapshot_.host = {2048_MiB, 512_MiB, true, true};
        snapshot_.process = {9_MiB, 41, 1500ms, std::chrono::system_clock::time_point(1'700'000'001s)};
    }

    ContainerView& add(const std::string& service) {
        ContainerView view;
        view.labels = labels_of(service);
        view.counts = &registry_.container(service);
        snapshot_.containers.push_back(view);
        return snapshot_.containers.back();
    }
    void add_coach() {
        ContainerView& coach = add("coach");
        coach.sample.emplace();
        coach.sample->current = 300_MiB;
        coach.sample->unreclaimable = 250_MiB;
        coach.sample->hard = 512_MiB;
        coach.sample->tripwire = 460_MiB;
        coach.sample->some = {125};
        coach.oom_in = 90s;
        coach.recycles = true;
        coach.limit = 400_MiB;
        coach.bound_by = "tight.slice";
        coach.phase = policies::Phase::kWatching;
        coach.has_trigger = coach.acts = true;
    }
    void add_postgres() {
        ContainerView& postgres = add("postgres");
        postgres.sample.emplace();
        postgres.sample->current = 100_MiB;
        postgres.oom_in = policies::Duration::max();
        postgres.phase = policies::Phase::kQuarantined;
        postgres.quarantined = true;
        postgres.min = {1024_MiB, 512_MiB};
        postgres.low = {policies::kUnlimited, std::nullopt};
        postgres.protection_short = true;
    }
    std::string line(const std::string& name, const std::string& service, const std::string& more = "") {
        return name + "{" + labels_of(service).text() + more + "} ";
    }

    Registry registry_;
    Histogram lag_{std::span<const policies::Duration>(kBounds)};
    Snapshot snapshot_;
    static constexpr std::array<policies::Duration, 2> kBounds{1ms, 1s};
};

TEST_F(RenderTest, ShowsAContainerAsItIs) {
    const std::string text = render(snapshot_);
    EXPECT_THAT(text, HasSubstr(line("governor_container_memory_current_bytes", "coach") + "314572800\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_memory_hard_limit_bytes", "coach") + "536870912\n"));
    EXPECT_THAT(
        text, HasSubstr(line("governor_container_memory_limit_bytes", "coach", ",bound_by=\"tight.slice\"") +
                        "419430400\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_memory_headroom_bytes", "coach") + "157286400\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_oom_eta_seconds", "coach") + "90\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_oom_eta_seconds", "postgres") + "+Inf\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_memory_pressure_ratio", "coach", ",kind=\"some\"") +
                                "0.125\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_phase", "coach", ",phase=\"watching\"") + "1\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_quarantined", "postgres") + "1\n"));
    EXPECT_THAT(
        text, HasSubstr(line("governor_container_restarts_total", "coach", ",outcome=\"graceful\"") + "1\n"));
    EXPECT_THAT(text,
                HasSubstr(line("governor_container_oom_kills_total", "coach", ",verdict=\"ancestor_limit\"") +
                          "1\n"));
    EXPECT_THAT(text,
                HasSubstr("governor_container_drain_seconds_sum{" + labels_of("coach").text() + "} 2\n"));
    EXPECT_THAT(text, HasSubstr("\ngovernor_host_short 1\n"));
    EXPECT_THAT(text, HasSubstr("\nprocess_start_time_seconds 1700000001\n"));
}

TEST_F(RenderTest, AReservationShowsWhatWasAskedAndWhatIsHonoured) {
    const std::string text = render(snapshot_);
    EXPECT_THAT(text,
                HasSubstr(line("governor_container_memory_reserved_bytes", "postgres", ",kind=\"min\"") +
                          "1073741824\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_memory_effective_protection_bytes", "postgres",
                                     ",kind=\"min\"") +
                                "536870912\n"));
    EXPECT_THAT(text, HasSubstr(line("governor_container_protection_short", "postgres") + "1\n"));
    EXPECT_THAT(text, Not(HasSubstr("governor_container_protection_short{" + labels_of("coach").text())));
}

TEST_F(RenderTest, WithoutALimitThereIsNoSeries) {
    const std::string text = render(snapshot_);
    EXPECT_THAT(text,
                Not(HasSubstr("governor_container_memory_hard_limit_bytes{" + labels_of("postgres").text())));
    EXPECT_THAT(text, Not(HasSubstr("18446744073709551615")));
}

TEST_F(RenderTest, ACounterIsThereBeforeItsFirstIncrement) {
    // Or increase() would not see it.
    EXPECT_THAT(render(snapshot_),
                HasSubstr(line("governor_container_restarts_total", "coach", ",outcome=\"failed\"") + "0\n"));
    EXPECT_THAT(
        render(snapshot_),
        HasSubstr(line("governor_container_oom_kills_total", "postgres", ",verdict=\"own_limit\"") + "0\n"));
    EXPECT_THAT(render(snapshot_),
                Not(HasSubstr("governor_container_restarts_total{" + labels_of("postgres").text())))
        << "nothing restarts it";
}

TEST_F(RenderTest, WhatNothingFeedsIsNotThere) {
    EXPECT_THAT(render(snapshot_), Not(HasSubstr("governor_hook_")));
    EXPECT_THAT(render(snapshot_), Not(HasSubstr("governor_queue_")));
    registry_.watch_queue({"log", ""}, [] { return QueueState{std::nullopt, 7}; });
    registry_.watch_queue({"hook", "pager"}, [] { return QueueState{3, 1}; });
    registry_.count_delivery("pager", "delivered");
    const std::string text = render(snapshot_);
    EXPECT_THAT(text, HasSubstr("governor_queue_dropped_total{queue=\"log\"} 7\n"));
    EXPECT_THAT(text, Not(HasSubstr("governor_queue_depth{queue=\"log\"}")));
    EXPECT_THAT(text, HasSubstr("governor_queue_depth{queue=\"hook\",target=\"pager\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("governor_hook_deliveries_total{target=\"pager\",result=\"delivered\"} 1\n"));
}

TEST_F(RenderTest, AGoneContainersSeriesGo) {
    snapshot_.containers.erase(snapshot_.containers.begin());
    EXPECT_THAT(render(snapshot_), Not(HasSubstr("coach")));
}

TEST_F(RenderTest, EveryFamilyIsInOnePiece) {
    registry_.watch_queue({"hook", "pager"}, [] { return QueueState{3, 1}; });
    registry_.count_delivery("pager", "delivered");
    std::istringstream lines(render(snapshot_));
    std::set<std::string> seen;
    std::string family;
    for (std::string text; std::getline(lines, text);) {
        if (text.starts_with("# HELP ")) {
            family = text.substr(7, text.find(' ', 7) - 7);
            EXPECT_TRUE(seen.insert(family).second) << family;
        }
        if (!text.starts_with('#')) {
            EXPECT_TRUE(text.starts_with(family)) << text;
        }
    }
    EXPECT_EQ(seen.size(), families().size()) << "this stack has everything";
}

TEST_F(RenderTest, PromtoolFindsNothingToSay) {
    registry_.watch_queue({"hook", "pager"}, [] { return QueueState{3, 1}; });
    registry_.count_delivery("pager", "delivered");
    TempTree tree;
    tree.file("metrics", render(snapshot_));
    const std::string command = "promtool check metrics < " + tree.path("metrics") + " 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), [](FILE*) { return 0; });
    ASSERT_NE(pipe, nullptr);
    std::string said;
    std::array<char, 256> part{};
    while (std::fgets(part.data(), part.size(), pipe.get()) != nullptr) said += part.data();
    EXPECT_EQ(::pclose(pipe.get()), 0) << "promtool (Debian package prometheus) says:\n" << said;
    EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace governor::metrics
