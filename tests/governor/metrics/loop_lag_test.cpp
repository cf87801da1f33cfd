// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/loop_lag.hpp"

#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>

namespace governor::metrics {
namespace {

using namespace std::chrono_literals;
using policies::TimePoint;

TEST(LoopLag, AsksForNothingUntilSomebodyScrapes) {
    boost::asio::io_context io;
    TimePoint now{100s + 300ms};
    LoopLag lag(io.get_executor(), [&] { return now; });
    EXPECT_EQ(lag.due(now), TimePoint::max());
    lag.scraped();
    EXPECT_EQ(lag.due(now), TimePoint(101s)) << "on whole seconds, like the samples";
    now += 5min;
    EXPECT_EQ(lag.due(now), TimePoint::max()) << "nobody has read it for long";
}

TEST(LoopLag, RemembersHowLateItWas) {
    boost::asio::io_context io;
    LoopLag lag(io.get_executor(), [] { return TimePoint{}; });
    lag.looked(TimePoint(10s), TimePoint(10s + 300ms));
    EXPECT_EQ(lag.histogram().count(), 1U);
    EXPECT_EQ(lag.histogram().sum(), 300ms);
}

TEST(LoopLag, AScrapeBeginsIt) {
    boost::asio::io_context io;
    // Far in the past for the timer: what is due is due at once.
    TimePoint now{};
    LoopLag lag(io.get_executor(), [&] {
        now += 1s;
        return now;
    });
    EXPECT_EQ(io.poll(), 0U);
    lag.scraped();
    EXPECT_TRUE(test::run_until(io, [&] { return lag.histogram().count() > 3; }));
}

TEST(LoopLag, EndsWithTheObject) {
    boost::asio::io_context io;
    {
        LoopLag lag(io.get_executor(), [] { return TimePoint{1s}; });
        lag.scraped();
    }
    EXPECT_LE(io.poll(), 1U) << "the wait that was cancelled";
}

}  // namespace
}  // namespace governor::metrics
