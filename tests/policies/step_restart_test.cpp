// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// From the trip to the container that is back.
namespace policies {
namespace {

using namespace std::chrono_literals;

TEST(step_restart, a_leak_is_frozen_first_and_then_asked_to_stop) {
    auto story = Story::begun(graceful_policy());
    story.pass(1s).heap(1700).pass(100ms).crossed(1850);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    ASSERT_TRUE(story.did<Freeze>());
    ASSERT_TRUE(story.did<AskStop>());
    EXPECT_LT(story.place<Freeze>(), story.place<AskStop>());
    EXPECT_FALSE(story.did<Thaw>());
    const Event* event = story.event(EventType::kOomNear);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->reason.rule, Rule::kUnreclaimable);
    EXPECT_EQ(event->reason.measured, Quantity::of(1850_MiB));
    EXPECT_EQ(event->reason.threshold, Quantity::of(share_of(2_GiB, Permille{900})));
    EXPECT_GT(event->growth, 0);
    EXPECT_GT(event->eta, 0s);
}

TEST(step_restart, the_condition_is_met_at_its_exact_byte) {
    auto story = Story::begun(graceful_policy());
    const Bytes line = share_of(Story::kHard, Permille{900});
    story.pass(5s);
    story.sample.unreclaimable = story.sample.current = line - Bytes{1};
    story.feed(Sampled{story.sample, false});
    EXPECT_FALSE(story.touched());
    story.pass(5s);
    story.sample.unreclaimable = story.sample.current = line;
    story.feed(Sampled{story.sample, false});
    EXPECT_TRUE(story.did<Freeze>());
}

TEST(step_restart, when_it_stands_still_it_is_told_once) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(3ms).feed(Frozen{});
    const Event* event = story.event(EventType::kBrake);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->brake, 3ms);
    EXPECT_TRUE(event->frozen);
    story.feed(SignalPending{}).feed(Frozen{});
    EXPECT_EQ(story.times(EventType::kBrake), 1);
}

TEST(step_restart, the_headroom_is_free_before_the_thaw) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(30ms).feed(SignalPending{});
    ASSERT_TRUE(story.did<SetTripwire>());
    ASSERT_TRUE(story.did<Thaw>());
    EXPECT_LT(story.place<SetTripwire>(), story.place<Thaw>());
    const Bytes line = story.find<SetTripwire>()->value;
    EXPECT_EQ(line, story.result.state.kill_line());
    EXPECT_GT(line, Story::kTripwire);
    EXPECT_LT(line, Story::kHard);
    EXPECT_EQ(story.find<Thaw>()->hold, 1s);
    EXPECT_EQ(story.phase(), Phase::kDraining);
    EXPECT_EQ(story.event(EventType::kSignalled)->brake, 30ms);
}

TEST(step_restart, a_graceful_restart_is_told_with_its_times) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(40ms).feed(SignalPending{}).pass(2s).feed(Exited{0, 0});
    EXPECT_EQ(story.phase(), Phase::kExited);
    story.pass(500ms).feed(Started{}).pass(20ms);
    story.arm();
    EXPECT_EQ(story.phase(), Phase::kWatching);
    const Event* event = story.event(EventType::kRestartFinished);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->outcome, Outcome::kGraceful);
    EXPECT_EQ(event->via, Via::kDocker);
    EXPECT_EQ(event->exit_code, 0);
    EXPECT_EQ(event->brake, 40ms);
    EXPECT_EQ(event->drain, 2s);
    EXPECT_EQ(event->total, 2560ms);
    EXPECT_EQ(event->count, 1);
    EXPECT_EQ(event->unreclaimable, 1900_MiB);
    EXPECT_EQ(event->peak, 1900_MiB);
    EXPECT_EQ(event->reason.rule, Rule::kUnreclaimable);
    EXPECT_EQ(story.times(EventType::kArmed), 1);
    EXPECT_EQ(story.times<KillWhole>(), 0);
    EXPECT_EQ(story.times<StartContainer>(), 0);
}

TEST(step_restart, the_next_run_starts_from_a_clean_slate) {
    auto story = Story::begun(graceful_policy());
    story.leaks_and_restarts();
    story.told.clear();
    story.heap(300).pass(5s).heap(300);
    EXPECT_FALSE(story.touched());
    EXPECT_EQ(story.result.state.growth, 0.0) << "the drop between two runs is no growth";
    EXPECT_EQ(story.result.state.peak, 300_MiB);
}

TEST(step_restart, when_docker_refuses_the_signal_comes_from_the_kernel_side) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(10ms).feed(StopRefused{});
    EXPECT_TRUE(story.did<SignalStop>());
    EXPECT_FALSE(story.did<Thaw>());
    EXPECT_EQ(story.event(EventType::kDockerSlow)->reason.rule, Rule::kDockerError);
    story.pass(5ms).feed(SignalPending{Via::kDirect}).pass(1s).restarts();
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->via, Via::kDirect);
}

TEST(step_restart, when_docker_hangs_the_signal_comes_from_the_kernel_side) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(1999ms);
    EXPECT_EQ(story.times<SignalStop>(), 0);
    story.pass(1ms);
    EXPECT_EQ(story.times<SignalStop>(), 1);
    const Event* event = story.event(EventType::kDockerSlow);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->reason.rule, Rule::kDockerTimeout);
    EXPECT_EQ(event->reason.measured, Quantity::of(Duration(2s)));
}

TEST(step_restart, a_late_refusal_of_docker_changes_nothing) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(2s).feed(StopRefused{});
    EXPECT_EQ(story.times<SignalStop>(), 1);
    story.feed(SignalPending{Via::kDirect});
    story.told.clear();
    story.feed(StopRefused{}).feed(SignalFailed{}).feed(SignalPending{});
    EXPECT_TRUE(story.told.empty());
}

TEST(step_restart, what_cannot_be_signalled_is_killed_whole) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(StopRefused{}).feed(SignalFailed{});
    EXPECT_TRUE(story.did<KillWhole>());
    EXPECT_EQ(story.event(EventType::kKilled)->reason.rule, Rule::kSignalFailed);
    story.restarts(137);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kKilledByGovernor);
}

TEST(step_restart, nothing_stays_frozen_when_neither_docker_nor_the_kernel_answers) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(10s);
    EXPECT_EQ(story.times<SignalStop>(), 1);
    EXPECT_EQ(story.times<KillWhole>(), 1);
    EXPECT_FALSE(story.result.state.frozen);
}

TEST(step_restart, the_kernel_side_is_tried_anew_in_the_next_restart) {
    // The first one took the kernel-side path and was then stopped for good by someone; later it is started
    // again.
    auto story = Story::begun(graceful_policy());
    story.crossed(1900)
        .feed(StopRefused{})
        .feed(SignalPending{Via::kDirect})
        .feed(Exited{0, 0})
        .feed(DockerKill{});
    story.pass(1h).feed(Started{}).arm();
    story.told.clear();
    story.crossed(1900).pass(2s);
    EXPECT_EQ(story.times<SignalStop>(), 1) << "Docker hung once more";
    EXPECT_EQ(story.times<KillWhole>(), 0);
}

TEST(step_restart, a_brake_that_failed_does_not_stop_the_restart) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(BrakeFailed{});
    EXPECT_EQ(story.times(EventType::kActionFailed), 1);
    story.feed(SignalPending{}).restarts();
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
}

TEST(step_restart, it_may_exit_while_it_is_still_being_signalled) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(20ms).restarts(143);
    const Event* event = story.event(EventType::kRestartFinished);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->exit_code, 143);
    EXPECT_EQ(event->drain, 0s);
    EXPECT_FALSE(story.result.state.frozen);
}

TEST(step_restart, what_docker_does_not_start_again_is_started) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(StopRefused{}).feed(SignalPending{Via::kDirect}).feed(Exited{0, 0}).pass(9s);
    EXPECT_EQ(story.times<StartContainer>(), 0);
    story.pass(1s);
    EXPECT_EQ(story.times<StartContainer>(), 1);
    EXPECT_EQ(story.event(EventType::kActionFailed)->reason.rule, Rule::kNotBack);
    // Nothing stays stopped because of us: tried again, not hammered.
    story.pass(60s);
    EXPECT_EQ(story.times<StartContainer>(), 3);
    story.feed(Started{}).arm();
    EXPECT_EQ(story.event(EventType::kRestartFinished)->total, 70s);
}

TEST(step_restart, a_restart_that_docker_was_asked_for_is_given_more_time) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(SignalPending{}).feed(Exited{0, 0}).pass(59s);
    EXPECT_EQ(story.times<StartContainer>(), 0);
    story.pass(1s);
    EXPECT_EQ(story.times<StartContainer>(), 1);
}

TEST(step_restart, a_restart_that_docker_gives_up_is_not_waited_for) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(SignalPending{}).feed(Exited{0, 0}).pass(1s).feed(StopRefused{}).pass(10s);
    EXPECT_EQ(story.times<StartContainer>(), 1);
}

TEST(step_restart, do_kill_kills_at_once_and_tells_why) {
    auto story = Story::begun(policy_that(NearOomAction::kKill));
    story.crossed(1900);
    EXPECT_TRUE(story.did<KillWhole>());
    EXPECT_FALSE(story.did<Freeze>());
    EXPECT_FALSE(story.did<AskStop>());
    EXPECT_EQ(story.event(EventType::kKilled)->reason.rule, Rule::kPolicyKill);
    story.restarts(137);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kKilledByGovernor);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->reason.rule, Rule::kPolicyKill);
}

TEST(step_restart, the_policys_own_grace_is_asked_of_docker) {
    auto policy = graceful_policy();
    EXPECT_FALSE(Story::begun(policy).crossed(1900).find<AskStop>()->own_grace);
    policy.near_oom->drain.grace = 5s;
    auto story = Story::begun(policy);
    story.arm(5s).crossed(1900);
    EXPECT_TRUE(story.find<AskStop>()->own_grace);
    EXPECT_EQ(story.find<AskStop>()->grace, 5s);
}

}  // namespace
}  // namespace policies
