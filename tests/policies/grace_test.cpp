// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/grace.hpp"

#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <random>

namespace policies {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

TEST(Grace, ReadsDockersSeconds) {
    EXPECT_EQ(Grace::of_docker(0s).bounded(), 0s);
    EXPECT_EQ(Grace::of_docker(10s).bounded(), 10s);
    EXPECT_EQ(Grace::of_docker(10s).for_docker(), 10s);
    for (const std::int64_t endless : {std::int64_t{-1}, std::int64_t{-7}, kLeast, kMost, kMost - 1,
                                       std::int64_t{9'300'000'000}, std::int64_t{9'223'372'037}}) {
        EXPECT_TRUE(Grace::of_docker(seconds(endless)).is_infinite()) << endless;
        EXPECT_EQ(Grace::of_docker(seconds(endless)).for_docker(), -1s) << endless;
    }
}

TEST(Grace, KnowsWhereDockersOwnArithmeticOverflows) {
    EXPECT_FALSE(overflows_in_docker(seconds(-1)));
    EXPECT_FALSE(overflows_in_docker(seconds(9'223'372'036)));
    EXPECT_TRUE(overflows_in_docker(seconds(9'223'372'037)));
    EXPECT_TRUE(overflows_in_docker(seconds(kMost)));
}

TEST(Grace, TakesAnyUnitWithoutOverflow) {
    EXPECT_TRUE(Grace(std::chrono::hours(kMost)).is_infinite());
    EXPECT_TRUE(Grace(std::chrono::milliseconds(kMost)).is_infinite());
    EXPECT_TRUE(Grace(Duration::max()).is_infinite());
    EXPECT_EQ(Grace(Duration::min()).bounded(), 0s);
    EXPECT_EQ(Grace(1500ms).for_docker(), 2s) << "never shorter than what was asked";
    EXPECT_EQ(to_string(Grace(20s)), "20s");
    EXPECT_EQ(to_string(Grace::infinite()), "no limit");
}

TEST(Grace, IsOrdered) {
    EXPECT_LT(Grace(1s), Grace(2s));
    EXPECT_LT(Grace(Grace::kLongest), Grace::infinite());
    EXPECT_EQ(Grace::of_docker(-1s), Grace::infinite());
}

/// Whatever Docker says, and whenever: a time in the future or none, and no overflow.
TEST(Grace, HoldsForAnyNumber) {
    std::mt19937_64 random(7);
    std::uniform_int_distribution<std::int64_t> any(kLeast, kMost);
    const std::array<std::int64_t, 12> edges{
        kLeast,        kLeast + 1,    -1,        0,    1, 10, 3'153'600'000, 3'153'600'001,
        9'223'372'036, 9'223'372'037, kMost - 1, kMost};
    for (int i = 0; i < 20'000; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const seconds docker(at < edges.size() ? edges.at(at) : any(random) >> (i % 63));
        const Grace grace = Grace::of_docker(docker);
        ASSERT_GE(grace.bounded(), Duration{0}) << docker.count();
        ASSERT_EQ(grace.is_infinite(), docker < 0s || docker > seconds(3'153'600'000)) << docker.count();
        const TimePoint now{Duration(any(random) & kMost)};
        ASSERT_GE(grace.after(now), now) << docker.count();
        ASSERT_EQ(grace.after(TimePoint::max()), TimePoint::max());
        if (!grace.is_infinite()) {
            ASSERT_EQ(grace.for_docker(), docker);
        }
    }
}

TEST(Grace, OfAnySizeTheCoreKillsNeverBeforeItsEnd) {
    for (const std::int64_t docker :
         {std::int64_t{0}, std::int64_t{6}, std::int64_t{86'400}, std::int64_t{3'153'600'000},
          std::int64_t{-1}, std::int64_t{9'300'000'000}, kMost, kLeast}) {
        const Grace grace = Grace::of_docker(seconds(docker));
        auto story = Story::begun(graceful_policy());
        story.arm(grace).crossed(1900).feed(SignalPending{});
        ASSERT_EQ(story.phase(), Phase::kDraining);
        if (grace.is_infinite()) {
            EXPECT_EQ(story.deadline(), TimePoint::max()) << docker;
            story.pass(24h * 365);
            EXPECT_EQ(story.times<KillWhole>(), 0) << docker;
            story.heap(2040);
            EXPECT_EQ(story.times<KillWhole>(), 1) << "the kill line still guards it";
        } else {
            story.pass(grace.bounded());
            EXPECT_EQ(story.times<KillWhole>(), 0) << docker;
            story.pass(10s);
            EXPECT_EQ(story.times<KillWhole>(), 1) << docker;
        }
    }
}

TEST(Grace, AForeignStopWithoutEndIsWatchedAgainAfterAnHour) {
    auto story = Story::begun(graceful_policy());
    story.arm(Grace::infinite()).feed(DockerKill{});
    ASSERT_EQ(story.phase(), Phase::kLeftAlone);
    story.pass(59min);
    EXPECT_EQ(story.phase(), Phase::kLeftAlone);
    story.pass(2min);
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(Grace, AnAdoptedDrainWithoutEndHasNoDeadline) {
    Story story(graceful_policy());
    story.feed(Adopt{true, 1h}).arm(Grace::infinite()).pass(24h);
    EXPECT_EQ(story.times<KillWhole>(), 0);
    EXPECT_EQ(story.phase(), Phase::kDraining);
}

}  // namespace
}  // namespace policies
