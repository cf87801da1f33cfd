// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// Out of the load balancer before the stop signal. The container has 2 GiB: tripwire 1843 MiB, kill line 2032
// MiB, and half way between them the brake line, 1937 MiB.
namespace policies {
namespace {

using namespace std::chrono_literals;

ServicePolicy hooked(std::variant<FileCall, HttpCall, ExecCall> call = FileCall{"/dev/shm/drain"}) {
    ServicePolicy policy = graceful_policy();
    policy.near_oom->drain_hook = DrainHook{.call = std::move(call), .timeout = 1s, .settle = 2s};
    return policy;
}

/// Near its limit, and its hook was called.
Story called(ServicePolicy policy = hooked()) {
    Story story = Story::begun(std::move(policy));
    story.crossed(1850);
    return story;
}

TEST(step_drain_hook, the_container_runs_until_the_load_balancer_had_its_time) {
    Story story = called();
    EXPECT_EQ(story.phase(), Phase::kDrainHook);
    EXPECT_EQ(story.times<CallDrainHook>(), 1);
    EXPECT_EQ(story.times(EventType::kOomNear), 1);
    EXPECT_FALSE(story.did<Freeze>());
    EXPECT_FALSE(story.did<AskStop>());
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_GT(story.find<SetTripwire>()->value, Story::kTripwire);
    EXPECT_LT(story.find<SetTripwire>()->value, story.result.state.kill_line());

    story.pass(300ms).feed(DrainHookDone{true});
    EXPECT_EQ(story.times(EventType::kDrainHookCalled), 1);
    story.pass(1900ms).heap(1860);
    EXPECT_EQ(story.phase(), Phase::kDrainHook);
    story.pass(100ms);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_LT(story.place<Freeze>(), story.place<AskStop>());
    EXPECT_EQ(story.times(EventType::kOomNear), 1) << "one trip, one event";
}

TEST(step_drain_hook, the_brake_is_measured_from_the_freeze_and_the_total_from_the_trip) {
    Story story = called();
    story.feed(DrainHookDone{true}).pass(2s);
    story.pass(50ms).feed(SignalPending{});
    story.pass(400ms).restarts();
    const Event* finished = story.event(EventType::kRestartFinished);
    ASSERT_NE(finished, nullptr);
    EXPECT_EQ(finished->brake, 50ms);
    EXPECT_EQ(finished->drain, 400ms);
    EXPECT_EQ(finished->total, 2550ms);
    EXPECT_EQ(finished->outcome, Outcome::kGraceful);
}

TEST(step_drain_hook, docker_is_slow_only_from_the_freeze_on) {
    Story story = called();
    story.feed(DrainHookDone{true}).pass(2s);
    story.pass(2s);
    const Event* slow = story.event(EventType::kDockerSlow);
    ASSERT_NE(slow, nullptr);
    EXPECT_EQ(slow->reason.measured, Quantity::of(Duration(2s)));
}

TEST(step_drain_hook, at_the_brake_line_it_is_frozen_at_once) {
    Story story = called();
    story.feed(DrainHookDone{true}).pass(20ms).heap(1936);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_TRUE(story.did<Freeze>());
    EXPECT_TRUE(story.did<AskStop>());
}

TEST(step_drain_hook, growth_that_leaves_no_time_is_braked_and_the_hook_called_beside) {
    Story story = Story::begun(hooked());
    story.pass(500ms).heap(1100);
    story.pass(500ms).crossed(1850);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_LT(story.place<Freeze>(), story.place<CallDrainHook>());
    EXPECT_LT(story.place<AskStop>(), story.place<CallDrainHook>());
    story.feed(DrainHookDone{true});
    EXPECT_EQ(story.times(EventType::kDrainHookCalled), 1);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
}

TEST(step_drain_hook, above_the_brake_line_there_is_no_time_without_growth_either) {
    Story story = Story::begun(hooked());
    story.crossed(1950);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_TRUE(story.did<CallDrainHook>());
}

TEST(step_drain_hook, a_failed_call_delays_nothing) {
    Story story = called();
    story.feed(DrainHookDone{false});
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_TRUE(story.did<AskStop>());
    EXPECT_EQ(story.times(EventType::kActionFailed), 1);
    EXPECT_EQ(story.times(EventType::kDrainHookCalled), 0);
}

TEST(step_drain_hook, a_call_without_an_answer_delays_for_its_timeout_and_the_settle_at_most) {
    Story story = called(hooked(ExecCall{{"/app/drain"}}));
    story.pass(2999ms).heap(1860);
    EXPECT_EQ(story.phase(), Phase::kDrainHook);
    story.pass(1ms);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
}

TEST(step_drain_hook, without_settle_the_answer_is_all_that_it_waits_for) {
    ServicePolicy policy = hooked(HttpCall{"http://proxy/drain"});
    policy.near_oom->drain_hook->settle = 0s;
    Story story = called(policy);
    story.feed(DrainHookDone{true});
    EXPECT_EQ(story.phase(), Phase::kSignalling);
}

TEST(step_drain_hook, the_file_is_removed_when_the_next_life_serves) {
    Story story = called();
    story.feed(DrainHookDone{true}).pass(2s).feed(SignalPending{});
    story.told.clear();
    story.restarts();
    EXPECT_EQ(story.times<EndDrainHook>(), 0) << "before it is known whether a drain is to be adopted";
    story.heap(400);
    EXPECT_EQ(story.times<EndDrainHook>(), 1);
    story.pass(1s).heap(410);
    EXPECT_EQ(story.times<EndDrainHook>(), 1);
}

TEST(step_drain_hook, what_a_dead_governor_left_is_removed_at_the_first_sample) {
    Story story(hooked());
    story.arm();
    story.heap(400);
    EXPECT_TRUE(story.did<EndDrainHook>());
}

TEST(step_drain_hook, a_drain_that_is_adopted_keeps_its_file) {
    Story story(hooked());
    story.arm();
    story.feed(Adopt{true, 1s});
    story.heap(1850);
    EXPECT_EQ(story.phase(), Phase::kDraining);
    EXPECT_EQ(story.times<EndDrainHook>(), 0);
    story.restarts();
    story.heap(400);
    EXPECT_EQ(story.times<EndDrainHook>(), 1);
}

TEST(step_drain_hook, near_again_at_its_first_sample_it_is_called_and_not_put_back) {
    Story story(hooked());
    story.arm();
    story.crossed(1850);
    EXPECT_TRUE(story.did<CallDrainHook>());
    EXPECT_FALSE(story.did<EndDrainHook>());
}

TEST(step_drain_hook, a_call_that_is_no_file_leaves_nothing_to_remove) {
    Story story(hooked(HttpCall{"http://proxy/drain"}));
    story.arm();
    story.heap(400);
    EXPECT_FALSE(story.did<EndDrainHook>());
}

TEST(step_drain_hook, a_recycle_that_failed_thaws_for_the_hook) {
    ServicePolicy policy = hooked();
    policy.near_oom->action = NearOomAction::kRecycle;
    Story story = called(policy);
    ASSERT_EQ(story.phase(), Phase::kSurveying);
    Survey survey;
    survey.refused = Rule::kNoPool;
    story.feed(Surveyed{survey});
    EXPECT_EQ(story.phase(), Phase::kDrainHook);
    EXPECT_LT(story.place<SetTripwire>(), story.place<Thaw>());
    EXPECT_FALSE(story.result.state.frozen);
    EXPECT_EQ(story.times(EventType::kOomNear), 1);
    story.feed(DrainHookDone{true}).pass(2s);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_EQ(story.times(EventType::kOomNear), 1);
}

TEST(step_drain_hook, who_gives_way_leaves_its_load_balancer_too) {
    Story story = Story::begun(hooked());
    story.feed(GiveWay{{Rule::kHostAvailable, {}, {}, {}}});
    EXPECT_EQ(story.phase(), Phase::kDrainHook);
    EXPECT_EQ(story.times(EventType::kGiveWay), 1);
}

TEST(step_drain_hook, a_kill_has_no_hook) {
    ServicePolicy policy = hooked();
    policy.near_oom->action = NearOomAction::kKill;
    Story story = called(policy);
    EXPECT_TRUE(story.did<KillWhole>());
    EXPECT_FALSE(story.did<CallDrainHook>());
}

TEST(step_drain_hook, an_exit_in_between_is_part_of_the_restart) {
    Story story = called();
    story.feed(Exited{0, 0});
    EXPECT_EQ(story.phase(), Phase::kExited);
    EXPECT_EQ(story.times(EventType::kExited), 1);
    story.pass(10s);
    EXPECT_TRUE(story.did<StartContainer>()) << "the hook may have ended it: it must come back";
    story.feed(Started{}).arm();
    EXPECT_EQ(story.times(EventType::kRestartFinished), 1);
    EXPECT_EQ(story.result.state.restarts.count(), 1U);
}

TEST(step_drain_hook, a_start_whose_exit_was_missed_ends_the_restart) {
    Story story = called();
    story.feed(Started{}).arm();
    EXPECT_EQ(story.times(EventType::kRestartFinished), 1);
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(step_drain_hook, a_stop_by_someone_else_leaves_it_alone_and_out) {
    Story story = called();
    story.feed(DockerKill{15});
    EXPECT_EQ(story.phase(), Phase::kLeftAlone);
    EXPECT_EQ(story.find<SetTripwire>()->value, story.result.state.kill_line());
    EXPECT_EQ(story.times<EndDrainHook>(), 0);
    story.pass(30s);
    ASSERT_EQ(story.phase(), Phase::kWatching) << "that was no stop";
    story.heap(400);
    EXPECT_EQ(story.times<EndDrainHook>(), 1);
}

TEST(step_drain_hook, a_pause_ends_it_and_the_next_sample_decides_anew) {
    Story story = called();
    story.feed(Paused{});
    EXPECT_EQ(story.phase(), Phase::kPaused);
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    EXPECT_EQ(story.result.state.restarts.count(), 0U) << "nothing was restarted";
    story.feed(Unpaused{}).heap(400);
    EXPECT_EQ(story.times<EndDrainHook>(), 1);
}

TEST(step_drain_hook, what_does_not_concern_it_changes_nothing) {
    Story story = called();
    const TimePoint deadline = story.deadline();
    story.feed(Released{});
    story.feed(GiveWay{{Rule::kHostAvailable, {}, {}, {}}});
    story.feed(SignalPending{});
    story.feed(StopRefused{});
    story.feed(SignalFailed{});
    story.feed(BrakeLost{false, 1s, 10s});
    story.feed(Adopt{true, 1s});
    EXPECT_EQ(story.phase(), Phase::kDrainHook);
    EXPECT_EQ(story.deadline(), deadline);
    EXPECT_EQ(story.times<CallDrainHook>(), 1);
    EXPECT_EQ(story.times<AskStop>(), 0);
}

TEST(step_drain_hook, arming_it_again_keeps_the_brake_line) {
    Story story = called();
    const Bytes line = story.find<SetTripwire>()->value;
    story.arm();
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, line);
    EXPECT_EQ(story.phase(), Phase::kDrainHook);
}

TEST(step_drain_hook, a_reload_that_takes_it_away_ends_it) {
    for (const int way : {0, 1, 2}) {
        Story story = called();
        if (way == 0) story.policy.near_oom.reset();
        if (way == 1) story.policy.near_oom->action = NearOomAction::kNotify;
        if (way == 2) story.policy.near_oom->drain_hook.reset();
        story.pass(20ms).heap(1800);
        EXPECT_EQ(story.phase(), Phase::kWatching) << way;
        EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire) << way;
        story.pass(20ms).heap(1800);
        EXPECT_EQ(story.times<EndDrainHook>(), 1) << way;
        EXPECT_EQ(story.times<AskStop>(), 0) << way;
        EXPECT_EQ(story.result.state.restarts.count(), 0U) << way;
    }
}

TEST(step_drain_hook, its_deadline_does_not_act_for_a_policy_that_only_watches) {
    Story story = called();
    story.policy.near_oom.reset();
    story.pass(3s);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_EQ(story.times<AskStop>(), 0);
}

TEST(step_drain_hook, a_container_with_a_hook_is_restarted_once_for_the_breaker) {
    Story story = called();
    story.feed(DrainHookDone{true}).pass(2s).feed(SignalPending{});
    EXPECT_EQ(story.result.state.restarts.count(), 1U);
}

}  // namespace
}  // namespace policies
