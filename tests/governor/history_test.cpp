// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/history.hpp"

#include <gtest/gtest.h>

namespace governor {
namespace {

using namespace std::chrono_literals;
using policies::TimePoint;

History stormy() {
    History history;
    history.restarts = policies::RestartTimes({TimePoint(1s), TimePoint(2s)});
    history.backoff_steps = 2;
    history.last_restart = TimePoint(3s);
    history.quarantined = true;
    return history;
}

TEST(History, OutlivesTheGovernor) {
    const Histories read = parse_histories(to_text({{"abc", stormy()}}, "boot-1"), "boot-1");
    ASSERT_TRUE(read.contains("abc"));
    EXPECT_EQ(read.at("abc"), stormy());
}

TEST(History, MeansNothingAfterABoot) {
    EXPECT_TRUE(parse_histories(to_text({{"abc", stormy()}}, "boot-1"), "boot-2").empty());
}

TEST(History, ADamagedFileIsAnEmptyOne) {
    EXPECT_TRUE(parse_histories("", "boot").empty());
    EXPECT_TRUE(parse_histories("{\"boot_id\":\"boot\",\"containers\":{\"a\":7}}", "boot").empty());
    EXPECT_TRUE(parse_histories("\x01\x02", "boot").empty());
}

TEST(History, GoesThroughTheCoresState) {
    policies::State state;
    restore(state, stormy());
    EXPECT_EQ(history_of(state), stormy());
    std::vector<TimePoint> times;
    for (int i = 0; i < 300; ++i) times.emplace_back(std::chrono::seconds(i));
    History long_one;
    long_one.restarts = policies::RestartTimes(times);
    restore(state, long_one);
    EXPECT_EQ(state.restarts.count(), policies::RestartTimes::kMost);
    EXPECT_EQ(state.restarts.times().back(), TimePoint(299s)) << "the newest are kept";
}

}  // namespace
}  // namespace governor
