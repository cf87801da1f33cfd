// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// do: hold: frozen until a person decides.
namespace policies {
namespace {

using namespace std::chrono_literals;

ServicePolicy holding() {
    auto policy = graceful_policy();
    policy.near_oom->action = NearOomAction::kHold;
    return policy;
}

Story held() {
    Story story = Story::begun(holding());
    story.crossed(1900);
    return story;
}

TEST(step_hold, freezes_until_a_person_releases_it) {
    Story story = held();
    EXPECT_EQ(story.phase(), Phase::kHeld);
    EXPECT_TRUE(story.did<Freeze>());
    EXPECT_EQ(story.times(EventType::kHeld), 1);
    story.pass(24h).heap(1900);
    EXPECT_EQ(story.phase(), Phase::kHeld);
    EXPECT_EQ(story.times<Thaw>(), 0);
    story.feed(Released{});
    EXPECT_TRUE(story.did<Thaw>());
    EXPECT_EQ(story.event(EventType::kHoldReleased)->reason.rule, Rule::kOperator);
    story.pass(1s).heap(1950);
    EXPECT_EQ(story.phase(), Phase::kWatching) << "not held again before it was below its threshold";
    story.pass(1s).heap(1000).pass(1s).crossed(1900);
    EXPECT_EQ(story.phase(), Phase::kHeld);
}

TEST(step_hold, ends_when_its_limit_is_raised) {
    Story story = held();
    Armed armed;
    armed.hard = 4_GiB;
    armed.tripwire = 3600_MiB;
    story.feed(armed).heap(1900);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_EQ(story.event(EventType::kHoldReleased)->reason.rule, Rule::kLimitRaised);
    EXPECT_EQ(story.times<Thaw>(), 1);
}

TEST(step_hold, ends_when_the_policy_changes) {
    Story story = held();
    story.policy = graceful_policy();
    story.pass(1min);
    EXPECT_EQ(story.event(EventType::kHoldReleased)->reason.rule, Rule::kPolicyChanged);
    EXPECT_FALSE(story.result.state.frozen);
}

TEST(step_hold, a_brake_that_the_guardian_released_is_put_on_again) {
    Story story = held();
    story.feed(BrakeLost{false, 0s, 10s});
    EXPECT_TRUE(story.did<Freeze>());
    EXPECT_EQ(story.phase(), Phase::kHeld);
}

TEST(step_hold, gives_never_way_for_others) {
    Story story = Story::begun(holding());
    EXPECT_FALSE(can_give_way(story.policy, story.result.state, story.now));
}

}  // namespace
}  // namespace policies
