// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/pace.hpp"

#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// How often is looked: the costs on one side, being too late on the other.
namespace policies {
namespace {

using namespace std::chrono_literals;

Duration pace_of(const Story& story) {
    return sample_pace(story.policy, story.result.state);
}

TEST(pace, right_after_the_arming_it_is_looked_at_once) {
    Story story(graceful_policy());
    story.arm();
    EXPECT_EQ(story.result.sample_at, story.now);
}

TEST(pace, far_from_the_limit_it_idles) {
    auto story = Story::begun(graceful_policy());
    EXPECT_EQ(pace_of(story), kIdlePace);
    EXPECT_EQ(story.result.sample_at, story.now + kIdlePace);
}

TEST(pace, a_loan_is_reviewed_every_second_and_never_by_a_glance) {
    auto story = Story::begun(graceful_policy());
    State state = story.result.state;
    state.loan_from = Story::kHard;
    EXPECT_EQ(sample_pace(story.policy, state), 1s);
    EXPECT_TRUE(glance_will_do(story.policy, story.result.state, story.sample.current, story.now));
    EXPECT_FALSE(glance_will_do(story.policy, state, story.sample.current, story.now));
}

TEST(pace, nearness_makes_it_quicker_step_by_step) {
    auto story = Story::begun(graceful_policy());
    Duration before = pace_of(story);
    for (const std::uint64_t mib : {1550U, 1760U}) {
        story.pass(1h).heap(mib);
        EXPECT_LT(pace_of(story), before) << mib;
        before = pace_of(story);
    }
}

TEST(pace, fast_growth_is_looked_at_several_times_before_the_threshold) {
    auto story = Story::begun(graceful_policy());
    for (std::uint64_t mib = 450; mib <= 1000; mib += 50) story.pass(250ms).heap(mib);
    // 200 MiB/s, 843 MiB below the threshold: about four seconds away.
    EXPECT_LE(pace_of(story), 1500ms);
    EXPECT_GE(pace_of(story), 500ms);
}

TEST(pace, never_busier_than_twenty_looks_a_second_while_watching) {
    auto story = Story::begun(graceful_policy());
    story.pass(100ms).heap(1800).pass(100ms).heap(1842);
    EXPECT_EQ(pace_of(story), 50ms);
}

TEST(pace, a_slow_drift_is_no_reason_to_hurry) {
    auto story = Story::begun(graceful_policy());
    for (std::uint64_t i = 0; i < 100; ++i) {
        story.pass(5s);
        story.sample.unreclaimable = story.sample.current = 400_MiB + Bytes{i * 4096};
        story.feed(Sampled{story.sample, false});
    }
    EXPECT_GE(pace_of(story), kIdlePace);
}

TEST(pace, what_stands_still_is_looked_at_less_and_less_often) {
    auto story = Story::begun(graceful_policy());
    for (int i = 0; i < 10; ++i) story.pass(pace_of(story)).heap(400);
    EXPECT_EQ(pace_of(story), kIdlePace * (1 + kMostStill));
    story.pass(pace_of(story)).heap(500);
    EXPECT_LE(pace_of(story), kIdlePace) << "it moves again";
}

TEST(pace, standing_still_half_way_to_the_limit_is_no_reason_to_look_away) {
    auto story = Story::begun(graceful_policy());
    for (int i = 0; i < 10; ++i) story.pass(kIdlePace).heap(1100);
    EXPECT_EQ(pace_of(story), kIdlePace);
}

TEST(pace, far_from_the_limit_a_glance_will_do) {
    auto story = Story::begun(graceful_policy());
    const auto will_do = [&](std::uint64_t mib) {
        return glance_will_do(story.policy, story.result.state, Bytes{mib << 20U}, story.now);
    };
    EXPECT_TRUE(will_do(400));
    EXPECT_TRUE(will_do(420));
    EXPECT_FALSE(will_do(500)) << "it grew";
    EXPECT_FALSE(will_do(300)) << "it shrank: what is known is no longer so";
    story.pass(kOldestSample);
    EXPECT_FALSE(will_do(400)) << "what else has changed is to be seen too";
    story.heap(1100);
    EXPECT_FALSE(will_do(1100)) << "near";
    story.heap(400, 900);
    EXPECT_FALSE(will_do(1300)) << "page cache hides what is beneath it";
}

TEST(pace, a_glance_counts_as_a_look_and_leaves_the_sample_alone) {
    auto story = Story::begun(graceful_policy());
    story.pass(kIdlePace).feed(Glanced{410_MiB});
    EXPECT_EQ(story.result.sample_at, story.now + 2 * kIdlePace);
    EXPECT_EQ(story.result.state.last.current, 400_MiB);
    EXPECT_TRUE(story.last.empty());
}

TEST(pace, low_thresholds_and_pressure_take_whole_samples) {
    auto policy = graceful_policy();
    policy.near_oom->warn.emplace();
    policy.near_oom->warn->when.terms = {
        {.measure = Measure::kUnreclaimable, .size = {.bytes = 500_MiB, .share = {}}}};
    auto story = Story::begun(policy);
    EXPECT_FALSE(glance_will_do(policy, story.result.state, 400_MiB, story.now)) << "the warning is near";
    policy.near_oom->warn->when.terms = {{.measure = Measure::kPressureFull, .pressure = {100}}};
    auto pressed = Story::begun(policy);
    EXPECT_FALSE(glance_will_do(policy, pressed.result.state, 400_MiB, pressed.now));
}

TEST(pace, with_the_tripwire_lifted_it_looks_more_often) {
    auto story = Story::begun(graceful_policy());
    story.crossed(600, 1300);
    EXPECT_LE(pace_of(story), 250ms);
}

TEST(pace, without_near_oom_nothing_is_urgent) {
    auto policy = graceful_policy();
    policy.near_oom.reset();
    auto story = Story::begun(policy);
    story.pass(100ms).heap(1900).pass(100ms).heap(2000);
    EXPECT_EQ(pace_of(story), kIdlePace);
}

TEST(pace, while_frozen_for_the_signal_nothing_changes_and_nothing_is_read) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900);
    EXPECT_EQ(story.result.sample_at, TimePoint::max());
    story.feed(SignalPending{});
    EXPECT_LE(story.result.sample_at, story.now + 20ms) << "a drain is watched closely";
    story.crossed(2040);
    EXPECT_EQ(story.result.sample_at, TimePoint::max()) << "killed: only its exit is awaited";
}

TEST(pace, notifications_may_wait_far_from_the_limit_and_not_near_it) {
    auto story = Story::begun(graceful_policy());
    const Duration far = story.result.quiet;
    story.heap(1500);
    EXPECT_LT(story.result.quiet, far);
    EXPECT_GT(story.result.quiet, 0s);
    // Even the fastest allocator cannot get from here to the threshold unseen.
    EXPECT_LT(story.result.quiet, 100ms);
    story.heap(1842);
    EXPECT_LT(story.result.quiet, 1ms);
}

TEST(pace, a_sample_is_due_by_the_last_one_not_by_other_inputs) {
    auto story = Story::begun(graceful_policy());
    const TimePoint due = story.result.sample_at;
    story.pass(3s).feed(WarnDone{true});
    EXPECT_EQ(story.result.sample_at, due);
    story.pass(1min).feed(WarnDone{true});
    EXPECT_EQ(story.result.sample_at, story.now) << "overdue is now, not the past";
}

}  // namespace
}  // namespace policies
