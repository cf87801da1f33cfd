// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/host_guard.hpp"

#include "tests/support/host_story.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace policies {
namespace {

using namespace std::chrono_literals;

TEST(HostGuard, WithoutAHostInThePolicyNothingIsEverDecided) {
    HostStory story;
    story.policy = {};
    story.pressure_fired = true;
    story.governed = 8_GiB;
    const auto& said = story.look();
    EXPECT_FALSE(said.give_way || said.tell_short || said.tell_ease);
    EXPECT_EQ(said.sample_at, TimePoint::max());
    EXPECT_EQ(said.state, HostState{});
}

TEST(HostGuard, AtEaseNothingIsSaid) {
    HostStory story;
    for (int i = 0; i < 100; ++i) {
        const auto& said = story.look(5s);
        EXPECT_FALSE(said.give_way || said.tell_short || said.tell_ease);
    }
}

TEST(HostGuard, ShortAtKeepFreeExactly) {
    HostStory story;
    story.look();
    story.leave(512_MiB + Bytes{1});
    EXPECT_FALSE(story.look(1h).tell_short);
    story.leave(512_MiB);
    const auto& said = story.look(1h);
    EXPECT_TRUE(said.tell_short);
    EXPECT_EQ(said.reason, (Reason{Rule::kHostAvailable, Quantity::of(512_MiB), Quantity::of(512_MiB), {}}));
    EXPECT_EQ(said.state.short_since, story.now);
}

TEST(HostGuard, PercentagesOfKeepFreeAreOfTheHost) {
    HostStory story;
    story.policy.keep_free = percent(25);
    story.look();
    story.leave(2_GiB);
    EXPECT_EQ(story.look(1h).reason.threshold, Quantity::of(2_GiB));
}

TEST(HostGuard, ShortBeforehandWhenItWillBeUsedUpWithinSeconds) {
    HostStory story;
    // 150 MiB a second: 750 MiB last for five more.
    for (story.leave(2_GiB); story.available() > 760_MiB; story.governed = story.governed + 15_MiB)
        EXPECT_FALSE(story.look(100ms).tell_short) << to_string(story.available());
    while (story.available() > 512_MiB && !story.look(100ms).tell_short)
        story.governed = story.governed + 15_MiB;
    EXPECT_GT(story.available(), 700_MiB);
    EXPECT_EQ(story.said.reason.rule, Rule::kHostForecast);
    EXPECT_LE(story.said.reason.measured.value, Duration(5s).count());
    EXPECT_EQ(story.said.reason.threshold, Quantity::of(Duration(5s)));
    EXPECT_EQ(story.said.give_way, 0U);
}

TEST(HostGuard, ASlowDeclineAboveKeepFreeIsNoForecastOfShortness) {
    HostStory story;
    story.leave(1_GiB);
    while (story.available() > 520_MiB) {
        EXPECT_FALSE(story.look(1s).tell_short);
        story.governed = story.governed + 4_MiB;
    }
}

TEST(HostGuard, AFastFallWithPlentyLeftIsNobodysBusiness) {
    HostStory story;
    story.look();
    story.leave(1100_MiB);
    EXPECT_FALSE(story.look(1s).tell_short) << "a model was loaded: above twice keep_free";
}

TEST(HostGuard, PressureCountsOnlyWhenMemoryIsShort) {
    HostStory story;
    story.full = Permille{170};
    story.look();
    story.leave(1_GiB);
    story.pressure_fired = true;
    EXPECT_FALSE(story.look(1h).tell_short) << "somebody at their own limit";
    story.leave(1_GiB - Bytes{1});
    EXPECT_FALSE(story.look(1h).tell_short) << "the trigger did not fire";
    story.pressure_fired = true;
    EXPECT_TRUE(story.look(1h).tell_short);
    EXPECT_EQ(story.said.reason,
              (Reason{Rule::kHostPressure, Quantity::of(Permille{170}), Quantity::of(Permille{100}), 2s}));
}

TEST(HostGuard, PressureNotInThePolicyDoesNotCount) {
    HostStory story;
    story.policy.pressure.reset();
    story.look();
    story.leave(600_MiB);
    story.pressure_fired = true;
    EXPECT_FALSE(story.look(1h).tell_short);
}

TEST(HostGuard, WithoutKeepFreePressureCountsBelowATenth) {
    HostStory story;
    story.policy.keep_free.reset();
    story.policy.pressure->full = false;
    story.some = Permille{300};
    story.look();
    story.leave(10_MiB);
    EXPECT_FALSE(story.look(1h).tell_short) << "nobody said what to keep free";
    story.leave(820_MiB);
    story.pressure_fired = true;
    EXPECT_FALSE(story.look(1h).tell_short);
    story.leave(819_MiB);
    story.pressure_fired = true;
    EXPECT_TRUE(story.look(1h).tell_short);
    EXPECT_EQ(story.said.reason.measured, Quantity::of(Permille{300}));
    EXPECT_EQ(story.said.give_way, 0U);
}

TEST(HostGuard, TheLowestPriorityGivesWay) {
    HostStory story;
    story.candidates = {{7, 50, 3_GiB, true}, {8, 10, 1_GiB, true}, {9, 20, 2_GiB, true}};
    story.grow_governed();
    EXPECT_EQ(story.look(1h).give_way, 8U);
    EXPECT_EQ(story.said.culprit, Culprit::kGoverned);
    EXPECT_TRUE(story.said.tell_short);
    EXPECT_FALSE(story.said.nobody_left);
}

TEST(HostGuard, AmongEqualsTheLargestGivesWayWhateverTheirOrder) {
    HostStory story;
    story.candidates = {
        {1, 10, 1_GiB, true}, {2, 10, 3_GiB, true}, {3, 10, 3_GiB, true}, {4, 10, 2_GiB, true}};
    story.grow_governed();
    HostStory other = story;
    std::ranges::reverse(other.candidates);
    EXPECT_EQ(story.look(1h).give_way, 2U);
    EXPECT_EQ(other.look(1h).give_way, 2U);
}

TEST(HostGuard, WhoIsNotReadyOrHoldsNextToNothingIsPassedOver) {
    HostStory story;
    story.candidates = {{1, 1, 4_GiB, false}, {2, 2, 81_MiB, true}, {3, 3, 82_MiB, true}};
    story.grow_governed();
    EXPECT_EQ(story.look(1h).give_way, 3U);
}

TEST(HostGuard, OneAtATimeAndThenQuietUntilWhatWasFreedShows) {
    HostStory story;
    story.candidates = {{0, 10, 1_GiB, true}, {1, 20, 1_GiB, true}};
    story.grow_governed();
    ASSERT_EQ(story.look(1h).give_way, 0U);
    EXPECT_EQ(story.said.state.victim, 0U);
    story.candidates[0].ready = false;
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(story.look(1s).give_way);
    story.victim_done = true;
    EXPECT_FALSE(story.look(1s).give_way);
    EXPECT_FALSE(story.said.state.victim);
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(story.look(1s).give_way);
    EXPECT_EQ(story.look(1s).give_way, 1U) << "still short";
    EXPECT_FALSE(story.said.tell_short) << "it was told";
}

TEST(HostGuard, NobodyElseIsAskedWhenTheFirstWasEnough) {
    HostStory story;
    story.candidates = {{0, 10, 1_GiB, true}, {1, 20, 1_GiB, true}};
    story.grow_governed();
    ASSERT_TRUE(story.look(1h).give_way);
    story.governed = 2_GiB;
    story.victim_done = true;
    EXPECT_TRUE(story.look(10s).tell_ease);
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(story.look(5s).give_way || story.said.tell_short);
}

TEST(HostGuard, OneWhoDoesNotGetAwayIsWaitedForAMinute) {
    HostStory story;
    story.candidates = {{0, 10, 1_GiB, true}, {1, 20, 1_GiB, true}};
    story.grow_governed();
    ASSERT_EQ(story.look(1h).give_way, 0U);
    story.candidates[0].ready = false;
    EXPECT_FALSE(story.look(59s).give_way);
    EXPECT_EQ(story.said.sample_at, story.now + 1s) << "not later than its minute ends";
    EXPECT_FALSE(story.look(1s).give_way);
    EXPECT_FALSE(story.look(4s).give_way);
    EXPECT_EQ(story.look(1s).give_way, 1U);
}

TEST(HostGuard, MemoryEatenOutsideDockerIsToldAndNotPunished) {
    HostStory story;
    story.look();
    story.governed = story.governed + 500_MiB;
    story.outside = story.outside + story.available() - 400_MiB;
    EXPECT_TRUE(story.look(1h).tell_short);
    EXPECT_EQ(story.said.culprit, Culprit::kOutsideDocker);
    int told = 0;
    for (int i = 0; i < 119; ++i) {
        EXPECT_FALSE(story.look(1s).give_way);
        EXPECT_FALSE(story.said.nobody_left);
        told += story.said.tell_short ? 1 : 0;
    }
    EXPECT_EQ(told, 1) << "once a minute";
}

TEST(HostGuard, MemoryEatenByUngovernedContainersIsToldAndNotPunished) {
    HostStory story;
    story.look();
    story.ungoverned = story.ungoverned + story.available() - 100_MiB;
    EXPECT_TRUE(story.look(1h).tell_short);
    EXPECT_EQ(story.said.culprit, Culprit::kUngoverned);
    EXPECT_FALSE(story.said.give_way);
}

TEST(HostGuard, HalfIsEnoughForTheBlameAndTwoHalvesAreNot) {
    for (const auto& [governed, ungoverned, outside, culprit] :
         std::vector<std::tuple<Bytes, Bytes, Bytes, Culprit>>{
             {1000_MiB, 500_MiB, 500_MiB, Culprit::kGoverned},
             {500_MiB, 999_MiB, 500_MiB, Culprit::kUnknown},  // 1000 of 1999 would be half
             {400_MiB, 600_MiB, 1200_MiB, Culprit::kOutsideDocker},
             {1000_MiB, Bytes{}, 1000_MiB, Culprit::kUnknown}}) {
        HostStory story;
        story.leave(2_GiB);
        story.look();
        story.governed = story.governed + governed;
        story.ungoverned = story.ungoverned + ungoverned;
        story.outside = story.outside + outside;
        ASSERT_LE(story.available(), 512_MiB);
        EXPECT_EQ(story.look(1h).culprit, culprit);
        EXPECT_EQ(story.said.give_way.has_value(),
                  culprit == Culprit::kGoverned || culprit == Culprit::kUnknown);
    }
}

TEST(HostGuard, WhatShrankIsNotCountedAgainstWhatGrew) {
    HostStory story;
    story.governed = 3_GiB;
    story.look();
    story.governed = 2_GiB;
    story.outside = story.outside + 5_GiB;
    EXPECT_EQ(story.look(1h).culprit, Culprit::kOutsideDocker);
}

TEST(HostGuard, BlameBeginsWhereTheHostWasLastAtEase) {
    HostStory story;
    story.look();
    // Hours ago something outside took most of the memory, and that was fine.
    story.outside = story.outside + 4_GiB;
    EXPECT_FALSE(story.look(1h).tell_short);
    story.leave(400_MiB);
    EXPECT_EQ(story.look(1h).culprit, Culprit::kGoverned);
    EXPECT_TRUE(story.said.give_way);
}

TEST(HostGuard, AHostThatIsShortFromTheStartHasNoCulpritAndStillIsHelped) {
    HostStory story;
    story.leave(300_MiB);
    const auto& said = story.look();
    EXPECT_TRUE(said.tell_short);
    EXPECT_EQ(said.culprit, Culprit::kUnknown);
    EXPECT_EQ(said.give_way, 0U);
}

TEST(HostGuard, NobodyLeftIsToldOnceAMinute) {
    HostStory story;
    story.candidates = {{0, 10, 2_GiB, false}};
    story.grow_governed();
    EXPECT_TRUE(story.look(1h).tell_short);
    EXPECT_TRUE(story.said.nobody_left);
    for (int i = 0; i < 59; ++i) EXPECT_FALSE(story.look(1s).tell_short);
    EXPECT_TRUE(story.look(1s).nobody_left);
    story.candidates[0].ready = true;
    EXPECT_EQ(story.look(1s).give_way, 0U) << "as soon as somebody is ready again";
}

TEST(HostGuard, NobodyLeftIsToldAtOnceAfterTheLastOneWasNotEnough) {
    HostStory story;
    story.grow_governed();
    ASSERT_TRUE(story.look(1h).give_way);
    story.candidates[0].ready = false;
    story.victim_done = true;
    EXPECT_FALSE(story.look(3s).tell_short);
    EXPECT_TRUE(story.look(5s).nobody_left);
    EXPECT_TRUE(story.said.tell_short);
}

TEST(HostGuard, EaseIsToldOnceAndNotAtTheFirstByteAboveKeepFree) {
    HostStory story;
    story.grow_governed();
    story.look(1h);
    story.victim_done = true;
    story.leave(640_MiB);
    EXPECT_FALSE(story.look(1min).tell_ease);
    story.leave(641_MiB);
    EXPECT_TRUE(story.look(1min).tell_ease);
    EXPECT_EQ(story.said.reason,
              (Reason{Rule::kHostAvailable, Quantity::of(641_MiB), Quantity::of(640_MiB), {}}));
    EXPECT_FALSE(story.look(1min).tell_ease);
}

TEST(HostGuard, RepeatedPressureIsOneShortness) {
    HostStory story;
    story.look();
    story.leave(900_MiB);
    int told = 0;
    int eases = 0;
    for (int i = 0; i < 60; ++i) {
        story.pressure_fired = i % 4 == 0;
        story.look(500ms);
        told += story.said.tell_short && !story.said.nobody_left ? 1 : 0;
        eases += story.said.tell_ease ? 1 : 0;
    }
    EXPECT_EQ(told, 1);
    EXPECT_EQ(eases, 0);
    for (int i = 0; i < 12; ++i) eases += story.look(500ms).tell_ease ? 1 : 0;
    EXPECT_EQ(eases, 1) << "once no trigger fires any more";
}

TEST(HostGuard, LooksAsOftenAsItIsNear) {
    HostStory story;
    EXPECT_EQ(story.look().sample_at, story.now + 5s);
    story.leave(1_GiB);
    story.look(1h);
    story.look(1h);
    EXPECT_EQ(story.said.sample_at, story.now + 1s) << "near, and nothing moves";
    // Far, but falling by a gigabyte a second: keep_free is two seconds away.
    HostStory falling;
    falling.look();
    for (int i = 0; i < 30; ++i) {
        falling.governed = falling.governed + 100_MiB;
        falling.look(100ms);
    }
    EXPECT_GT(falling.available(), 2_GiB);
    EXPECT_LT(falling.said.sample_at, falling.now + 700ms);
    EXPECT_GE(falling.said.sample_at, falling.now + 100ms);
}

TEST(HostGuard, AHostThatCannotBeReadDecidesNothingAndForgetsNothing) {
    HostStory story;
    story.grow_governed();
    story.look(1h);
    const auto before = story.said.state;
    story.total = {};
    story.look(1s);
    EXPECT_EQ(story.said.state, before);
    EXPECT_FALSE(story.said.give_way || story.said.tell_short || story.said.tell_ease);
    EXPECT_EQ(story.said.sample_at, story.now + 5s);
}

}  // namespace
}  // namespace policies
