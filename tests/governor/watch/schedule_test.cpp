// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/schedule.hpp"

#include <gtest/gtest.h>

#include <set>

namespace governor::watch {
namespace {

using namespace std::chrono_literals;
using policies::TimePoint;

constexpr TimePoint kNow{1h};

TEST(Schedule, IdleContainersShareOneWakeUpASecond) {
    Schedule schedule;
    for (int i = 0; i < 1000; ++i)
        schedule.set(std::to_string(i), kNow + 5s + std::chrono::microseconds(i * 900), kNow);
    std::set<TimePoint> wakes;
    TimePoint now = kNow;
    while (schedule.next() != TimePoint::max()) {
        now = schedule.next();
        wakes.insert(now);
        schedule.take_due(now);
    }
    EXPECT_LE(wakes.size(), 2U);
}

TEST(Schedule, WhatIsNearIsNotMoved) {
    EXPECT_EQ(on_grid(kNow + 20ms, kNow), kNow + 20ms);
    EXPECT_EQ(on_grid(kNow + 1500ms, kNow), kNow + 2s);
    EXPECT_EQ(on_grid(TimePoint::max(), kNow), TimePoint::max());
}

TEST(Schedule, GivesWhatIsDueAndNothingElse) {
    Schedule schedule;
    schedule.set("a", kNow + 10ms, kNow);
    schedule.set("b", kNow + 20ms, kNow);
    EXPECT_TRUE(schedule.take_due(kNow).empty());
    const auto due = schedule.take_due(kNow + 15ms);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0], "a");
    EXPECT_EQ(schedule.next(), kNow + 20ms);
    EXPECT_TRUE(schedule.take_due(kNow + 15ms).empty()) << "not again before it is set";
}

TEST(Schedule, ANewTimeReplacesTheOldOne) {
    Schedule schedule;
    schedule.set("a", kNow + 10ms, kNow);
    schedule.set("a", kNow + 500ms, kNow);
    EXPECT_TRUE(schedule.take_due(kNow + 100ms).empty());
    schedule.remove("a");
    EXPECT_EQ(schedule.next(), TimePoint::max());
    EXPECT_EQ(schedule.size(), 0U);
}

}  // namespace
}  // namespace governor::watch
