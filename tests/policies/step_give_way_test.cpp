// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// The host runs short, and this service was chosen.
namespace policies {
namespace {

using namespace std::chrono_literals;

const Reason kShort{Rule::kHostAvailable, Quantity::of(300_MiB), Quantity::of(512_MiB), {}};

TEST(step_give_way, it_is_restarted_on_the_same_graceful_way_as_near_oom) {
    auto story = Story::begun(graceful_policy());
    story.feed(GiveWay{kShort});
    EXPECT_TRUE(story.did<Freeze>());
    EXPECT_TRUE(story.did<AskStop>());
    ASSERT_NE(story.event(EventType::kGiveWay), nullptr);
    EXPECT_EQ(story.event(EventType::kGiveWay)->reason, kShort);
    EXPECT_EQ(story.times(EventType::kOomNear), 0);
    story.feed(SignalPending{}).restarts();
    ASSERT_NE(story.event(EventType::kRestartFinished), nullptr);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->reason, kShort);
}

TEST(step_give_way, a_policy_that_never_acts_never_gives_way) {
    for (ServicePolicy policy : {ServicePolicy{}, policy_that(NearOomAction::kNotify)}) {
        auto story = Story::begun(policy);
        EXPECT_FALSE(can_give_way(story.policy, story.result.state, story.now));
        story.feed(GiveWay{kShort});
        EXPECT_FALSE(story.touched());
        EXPECT_EQ(story.times(EventType::kGiveWay), 0);
    }
}

TEST(step_give_way, the_back_off_holds_for_the_hosts_sake_too) {
    auto story = Story::begun(graceful_policy());
    story.leaks_and_restarts().heap(400).leaks_and_restarts().heap(400);
    EXPECT_FALSE(can_give_way(story.policy, story.result.state, story.now));
    story.told.clear();
    story.feed(GiveWay{kShort});
    EXPECT_FALSE(story.touched());
    story.pass(10min);
    EXPECT_TRUE(can_give_way(story.policy, story.result.state, story.now));
}

TEST(step_give_way, in_the_middle_of_something_it_goes_on_with_that) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900);
    const Phase before = story.phase();
    story.told.clear();
    story.feed(GiveWay{kShort});
    EXPECT_EQ(story.phase(), before);
    EXPECT_TRUE(story.told.empty());
    story.feed(SignalPending{}).feed(GiveWay{kShort});
    EXPECT_EQ(story.phase(), Phase::kDraining);
}

}  // namespace
}  // namespace policies
