// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/restart_times.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace policies {
namespace {

using namespace std::chrono_literals;

TEST(RestartTimes, CountsWhatIsInTheWindow) {
    RestartTimes times;
    EXPECT_EQ(times.count(), 0U);
    for (const auto at : {10s, 20s, 30s}) times.add(TimePoint(at));
    times.drop_until(TimePoint(20s));
    EXPECT_EQ(times.times(), (std::vector<TimePoint>{TimePoint(30s)}));
    times.drop_until(TimePoint(40s));
    EXPECT_EQ(times, RestartTimes());
}

TEST(RestartTimes, ForgetsTheOldestFirst) {
    RestartTimes times;
    for (int i = 0; i < 300; ++i) times.add(TimePoint(std::chrono::seconds(i)));
    EXPECT_EQ(times.count(), RestartTimes::kMost);
    EXPECT_EQ(times.times().front(), TimePoint(172s));
    EXPECT_EQ(times.times().back(), TimePoint(299s));
}

TEST(RestartTimes, ACopyKeepsItsOwn) {
    RestartTimes before;
    before.add(TimePoint(1s));
    RestartTimes after = before;
    after.add(TimePoint(2s));
    EXPECT_EQ(before.count(), 1U);
    EXPECT_EQ(after.count(), 2U);
}

}  // namespace
}  // namespace policies
