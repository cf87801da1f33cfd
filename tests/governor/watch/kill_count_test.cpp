// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/kill_count.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace governor::watch {
namespace {

using namespace std::chrono_literals;

policies::TimePoint at(policies::Duration since) {
    return policies::TimePoint(1h + since);
}
OomCounters counters(std::uint64_t kills, std::uint64_t local = 0, std::optional<std::uint64_t> above = 0) {
    return {kills, local, local, above};
}
cgroups::OomReport report(int pid) {
    cgroups::OomReport out;
    out.pid = pid;
    out.sequence = static_cast<std::uint64_t>(pid);
    return out;
}
constexpr auto kLater = KillCount::kSettle + 1ms;

TEST(KillCount, WhateverComesFirstEachKillIsToldOnceWithItsProcess) {
    struct Step {
        char name;
        std::function<void(KillCount&, policies::TimePoint)> act;
    };
    // Two kills: two reports, two counts, one word of Docker's. All 120 orders of them.
    std::vector<Step> steps{
        {'1', [](KillCount& c, auto t) { c.reported(report(11), t); }},
        {'2', [](KillCount& c, auto t) { c.reported(report(22), t); }},
        {'a', [](KillCount& c, auto t) { c.counted(counters(1, 1), t); }},
        {'b', [](KillCount& c, auto t) { c.counted(counters(2, 2), t); }},
        {'d', [](KillCount& c, auto t) { c.docker_told(t); }},
    };
    const auto by_name = [](const Step& l, const Step& r) { return l.name < r.name; };
    std::ranges::sort(steps, by_name);
    do {
        std::string order;
        KillCount count(true);
        std::vector<Kill> told;
        policies::TimePoint now = at(0s);
        for (const Step& step : steps) {
            order += step.name;
            step.act(count, now += 10ms);
            for (const Kill& kill : count.take(now)) told.push_back(kill);
        }
        for (const Kill& kill : count.take(now + kLater)) told.push_back(kill);
        EXPECT_EQ(told.size(), 2U) << order;
        EXPECT_EQ(count.total(), 2U) << order;
        std::vector<int> pids;
        for (const Kill& kill : told) pids.push_back(kill.report ? kill.report->pid : 0);
        std::ranges::sort(pids);
        EXPECT_EQ(pids, (std::vector{11, 22})) << order;
        EXPECT_TRUE(std::ranges::any_of(told, &Kill::docker_oom)) << order;
        EXPECT_EQ(count.due(), policies::TimePoint::max()) << order;
        EXPECT_TRUE(count.take(now + 1h).empty()) << order;
    } while (std::next_permutation(steps.begin(), steps.end(), by_name));
}

TEST(KillCount, WithoutTheLogTheCounterIsEnough) {
    KillCount count(false);
    count.counted(counters(3, 3), at(0s));
    EXPECT_EQ(count.take(at(kLater)).size(), 3U);
    count.counted(counters(3, 3), at(5s));
    EXPECT_TRUE(count.take(at(10s)).empty());
}

TEST(KillCount, WithoutTheCounterTheLogIsEnough) {
    KillCount count(true);
    count.reported(report(11), at(0s));
    count.docker_told(at(1ms));
    const auto told = count.take(at(1ms));
    ASSERT_EQ(told.size(), 1U) << "both have spoken: there is nothing to wait for";
    EXPECT_FALSE(told[0].counters_read);
    EXPECT_EQ(count.reading(), 1U) << "what the counter must have been";
}

TEST(KillCount, ALateReportIsNotAnotherKill) {
    KillCount count(true);
    count.counted(counters(1, 1), at(0s));
    ASSERT_EQ(count.take(at(kLater)).size(), 1U);
    count.reported(report(11), at(3s));
    EXPECT_TRUE(count.take(at(20s)).empty());
    // One whose report was lost must not swallow the next one's.
    count.counted(counters(2, 2), at(30s));
    ASSERT_EQ(count.take(at(33s)).size(), 1U);
    count.counted(counters(3, 3), at(60s));
    count.reported(report(33), at(60s));
    const auto told = count.take(at(63s));
    ASSERT_EQ(told.size(), 1U);
    ASSERT_TRUE(told[0].report);
    EXPECT_EQ(told[0].report->pid, 33);
}

TEST(KillCount, DockerAloneIsBelievedOnlyWhenNobodyElseCouldTell) {
    KillCount with_log(true);
    with_log.docker_told(at(0s));
    EXPECT_TRUE(with_log.take(at(kLater)).empty()) << "the log would have told";
    EXPECT_EQ(with_log.due(), policies::TimePoint::max());

    KillCount with_counter(false);
    with_counter.docker_told(at(0s));
    with_counter.counted(counters(0), at(1s));
    EXPECT_TRUE(with_counter.take(at(kLater)).empty()) << "the counter says no";

    KillCount neither(false);
    neither.docker_told(at(0s));
    const auto told = neither.take(at(kLater));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].docker_oom);
    EXPECT_FALSE(told[0].counted);
}

TEST(KillCount, SaysWhoseCountersGrew) {
    KillCount count(false);
    count.ancestors_were(5);
    count.counted(counters(1, 1, 5), at(0s));
    count.counted(counters(2, 1, 6), at(1s));
    count.counted(counters(3, 1, 6), at(2s));
    const auto told = count.take(at(10s));
    ASSERT_EQ(told.size(), 3U);
    EXPECT_TRUE(told[0].local_oom && !told[0].ancestor_oom);
    EXPECT_TRUE(!told[1].local_oom && told[1].ancestor_oom);
    EXPECT_TRUE(!told[2].local_oom && !told[2].ancestor_oom && told[2].ancestors_read);
}

TEST(KillCount, OomGrowsAMomentBeforeOomKillAndALookMayComeBetween) {
    KillCount count(false);
    count.counted(counters(0, 1), at(0s));
    count.counted(counters(1, 1), at(10ms));
    EXPECT_TRUE(count.take(at(kLater + 10ms)).at(0).local_oom);
}

TEST(KillCount, FoundInTheMiddleTheCountersAreThePast) {
    KillCount count(true);
    count.rebase(counters(7, 7));
    count.counted(counters(7, 7), at(0s));
    EXPECT_EQ(count.due(), policies::TimePoint::max());
    count.counted(counters(8, 8), at(1s));
    EXPECT_EQ(count.total(), 1U);
    EXPECT_EQ(count.reading(), 8U);

    // A report that came before the counters were first read is in them.
    KillCount before(true);
    before.reported(report(11), at(0s));
    before.rebase(counters(8, 8));
    before.counted(counters(8, 8), at(1s));
    EXPECT_EQ(before.take(at(10s)).size(), 1U);
    EXPECT_EQ(before.reading(), 8U);
    before.counted(counters(9, 9), at(11s));
    EXPECT_EQ(before.take(at(20s)).size(), 1U) << "and the next one is another";
}

TEST(KillCount, WhenTheCgroupIsGoneTheOnesAboveStillTell) {
    KillCount count(false);
    count.ancestors_were(2);
    count.docker_told(at(0s));
    ASSERT_EQ(count.take(at(kLater)).size(), 1U);
    KillCount other(true);
    other.ancestors_were(2);
    other.reported(report(1), at(0s));
    other.ancestors_counted(3);
    EXPECT_TRUE(other.take(at(kLater)).at(0).ancestor_oom);
}

}  // namespace
}  // namespace governor::watch
