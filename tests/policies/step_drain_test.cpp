// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// While the application saves its work.
namespace policies {
namespace {

using namespace std::chrono_literals;

Story draining() {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(SignalPending{});
    story.told.clear();
    return story;
}

TEST(step_drain, it_may_use_the_headroom_up_to_the_kill_line) {
    auto story = draining();
    story.pass(20ms).heap(1950).pass(20ms).crossed(2030);
    EXPECT_FALSE(story.touched());
    EXPECT_EQ(story.phase(), Phase::kDraining);
}

TEST(step_drain, at_the_kill_line_it_is_killed_whole_and_once) {
    auto story = draining();
    story.pass(20ms).crossed(2040);
    EXPECT_TRUE(story.did<KillWhole>());
    EXPECT_EQ(story.event(EventType::kKilled)->reason.rule, Rule::kHardLimitNear);
    story.pass(20ms).crossed(2044).pass(20ms).crossed(2046);
    EXPECT_EQ(story.times<KillWhole>(), 1);
    story.restarts(137);
    const Event* event = story.event(EventType::kRestartFinished);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->outcome, Outcome::kKilledByGovernor);
    EXPECT_EQ(event->reason.rule, Rule::kHardLimitNear);
    EXPECT_EQ(event->peak, 2046_MiB);
}

TEST(step_drain, one_that_does_not_heed_its_signal_has_half_of_the_room) {
    for (const auto handling : {StopHandling::kIgnored, StopHandling::kNotHandled}) {
        auto story = Story::begun(graceful_policy());
        story.crossed(1900).feed(Frozen{handling}).feed(SignalPending{});
        const Bytes line = story.result.state.drain_line();
        EXPECT_EQ(story.find<SetTripwire>()->value, line);
        EXPECT_GT(line, Story::kTripwire);
        EXPECT_LT(line, story.result.state.kill_line());
        story.pass(20ms).heap(1920);
        EXPECT_FALSE(story.did<KillWhole>()) << "its grace is its own as long as it does not grow";
        story.pass(20ms).heap(1960);
        EXPECT_TRUE(story.did<KillWhole>());
        EXPECT_EQ(story.event(EventType::kKilled)->reason.threshold, Quantity::of(line));
    }
}

TEST(step_drain, page_cache_written_while_saving_does_not_kill_it) {
    auto story = draining();
    story.pass(20ms).crossed(1900, 140);
    EXPECT_FALSE(story.touched());
}

TEST(step_drain, after_its_grace_docker_kills_it_and_only_later_do_we) {
    auto story = draining();
    story.pass(20s);
    EXPECT_EQ(story.times<KillWhole>(), 0) << "Docker's own kill at the grace's end must not be raced";
    story.pass(2s);
    EXPECT_EQ(story.times<KillWhole>(), 1);
    EXPECT_EQ(story.event(EventType::kKilled)->reason.rule, Rule::kGraceEnded);
}

TEST(step_drain, a_direct_signal_has_no_one_else_to_enforce_the_grace) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(StopRefused{}).feed(SignalPending{Via::kDirect}).pass(20s);
    EXPECT_EQ(story.times<KillWhole>(), 1);
}

TEST(step_drain, killed_by_docker_at_the_end_of_its_grace) {
    auto story = draining();
    story.pass(20s).restarts(137);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kKilledAtGraceEnd);
}

TEST(step_drain, what_survives_a_kill_is_killed_again_and_told) {
    auto story = draining();
    story.pass(22s);
    ASSERT_EQ(story.times<KillWhole>(), 1);
    story.pass(10s);
    EXPECT_EQ(story.times<KillWhole>(), 2);
    EXPECT_EQ(story.times(EventType::kActionFailed), 1);
}

TEST(step_drain, an_oom_kill_seen_while_draining_is_the_outcome) {
    auto story = draining();
    story.sample.oom_kills = 1;
    story.pass(20ms).heap(2000);
    EXPECT_EQ(story.times(EventType::kOomKilled), 1);
    story.pass(1s).restarts(0);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kOomKilled);
    EXPECT_EQ(story.times(EventType::kOomKilled), 1) << "the exit shows the same kill once more";
}

TEST(step_drain, the_end_tells_how_the_life_that_ended_handled_its_signal) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(Frozen{StopHandling::kNotHandled}).feed(SignalPending{});
    // Docker's update of a limit arms it again in the middle; what was seen of PID 1 stays known.
    Armed again;
    again.hard = Story::kHard;
    again.tripwire = Story::kTripwire;
    again.grace = 20s;
    story.feed(again).pass(20s).feed(Exited{137, 0}).pass(100ms).feed(Started{});
    story.feed(again);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->stop_handling, StopHandling::kNotHandled);
    EXPECT_EQ(story.event(EventType::kArmed)->stop_handling, StopHandling::kUnknown);
    EXPECT_EQ(story.result.state.stop_handling, StopHandling::kUnknown);
}

TEST(step_drain, an_oom_kill_seen_only_at_the_exit_is_the_outcome) {
    auto story = draining();
    story.pass(1s).feed(Exited{137, 2});
    EXPECT_EQ(story.event(EventType::kOomKilled)->count, 2);
    story.feed(Started{}).arm();
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kOomKilled);
}

TEST(step_drain, an_oom_kill_of_an_earlier_day_is_not_this_restarts_outcome) {
    auto story = Story::begun(graceful_policy());
    story.sample.oom_kills = 1;
    story.heap(500).pass(1h).crossed(1900).feed(SignalPending{}).pass(1s).restarts(0);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
}

TEST(step_drain, a_stop_by_someone_else_while_frozen_delivers_the_signal_too) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(10ms).feed(StopRefused{}).feed(DockerKill{});
    EXPECT_TRUE(story.did<Thaw>());
    EXPECT_LT(story.place<SetTripwire>(), story.place<Thaw>());
    EXPECT_EQ(story.phase(), Phase::kDraining);
    EXPECT_EQ(story.event(EventType::kSignalled)->via, Via::kSomeoneElse);
}

TEST(step_drain, a_container_stopped_for_good_after_its_exit_is_not_started_again) {
    auto story = draining();
    story.pass(1s).feed(Exited{0, 0}).feed(DockerKill{}).pass(5min);
    EXPECT_EQ(story.times<StartContainer>(), 0);
    EXPECT_EQ(story.times(EventType::kLeftAlone), 1);
    EXPECT_EQ(story.deadline(), TimePoint::max());
}

TEST(step_drain, a_drain_under_way_is_carried_on_by_a_new_governor) {
    Story story(graceful_policy());
    story.arm().feed(Adopt{true, 5s});
    EXPECT_EQ(story.phase(), Phase::kDraining);
    EXPECT_TRUE(story.did<Thaw>());
    EXPECT_LT(story.place<SetTripwire>(), story.place<Thaw>());
    EXPECT_EQ(story.times(EventType::kAdopted), 1);
    story.pass(16s);
    EXPECT_EQ(story.times<KillWhole>(), 0);
    story.restarts();
    const Event* event = story.event(EventType::kRestartFinished);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->drain, 21s);
    EXPECT_EQ(event->total, 21100ms);
}

TEST(step_drain, an_adopted_drain_still_ends) {
    Story story(graceful_policy());
    story.arm().feed(Adopt{true, 1h}).pass(2s);
    EXPECT_EQ(story.times<KillWhole>(), 1);
}

TEST(step_drain, a_drain_adopted_before_its_limits_are_known_keeps_its_whole_grace) {
    Story story(graceful_policy());
    story.feed(Adopt{true, 1s}).arm().pass(18s);
    EXPECT_EQ(story.times<KillWhole>(), 0);
    story.pass(4s);
    EXPECT_EQ(story.times<KillWhole>(), 1);
}

TEST(step_drain, what_a_dead_governor_left_frozen_is_thawed) {
    Story story(graceful_policy());
    story.arm().feed(Adopt{false, 3s});
    EXPECT_TRUE(story.did<Thaw>());
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_EQ(story.times(EventType::kAdopted), 1);
}

Story braked() {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(Frozen{StopHandling::kHandled});
    return story;
}

TEST(step_drain, a_stop_that_the_guardian_finished_is_not_signalled_again) {
    auto story = braked();
    // Stopped for a minute: every timer is overdue when it goes on, but what the guardian did comes first.
    story.now += 60s;
    story.feed(BrakeLost{true, 50s, 10s});
    EXPECT_EQ(story.phase(), Phase::kDraining);
    EXPECT_FALSE(story.result.state.frozen);
    const Event* lost = story.event(EventType::kBrakeLost);
    ASSERT_NE(lost, nullptr);
    EXPECT_EQ(lost->via, Via::kDirect);
    EXPECT_FALSE(lost->frozen);
    EXPECT_EQ(lost->reason, (Reason{Rule::kLease, Quantity::of(60s), Quantity::of(10s), {}}));
    story.feed(Tick{}).feed(SignalPending{Via::kDirect}).feed(SignalPending{Via::kDocker});
    EXPECT_EQ(story.times<SignalStop>(), 0);
    EXPECT_EQ(story.times(EventType::kSignalled), 1);
    EXPECT_EQ(story.event(EventType::kSignalled)->brake, 10s);
}

TEST(step_drain, the_grace_counts_from_the_guardians_signal) {
    auto story = braked();
    story.now += 12s;
    story.feed(BrakeLost{true, 2s, 10s}).pass(19s);
    EXPECT_EQ(story.times<KillWhole>(), 0);
    story.pass(2s);
    EXPECT_EQ(story.times<KillWhole>(), 1);
}

TEST(step_drain, dockers_own_signals_after_the_guardians_are_no_stop_by_another) {
    auto story = braked();
    story.now += 12s;
    story.feed(BrakeLost{true, 2s, 10s}).feed(DockerKill{}).pass(1s).restarts();
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
}

TEST(step_drain, what_was_only_thawed_is_frozen_again_while_its_stop_is_asked_for) {
    auto story = braked();
    story.now += 12s;
    story.feed(BrakeLost{false, 2s, 10s});
    EXPECT_TRUE(story.did<Freeze>());
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_TRUE(story.result.state.frozen);
}

TEST(step_drain, a_drain_goes_on_when_the_guardian_releases_its_hold) {
    auto story = draining();
    story.told.clear();
    story.feed(BrakeLost{true, 2s, 10s});
    EXPECT_EQ(story.phase(), Phase::kDraining);
    EXPECT_EQ(story.times(EventType::kBrakeLost), 1);
    EXPECT_EQ(story.told.size(), 1U);
}

TEST(step_drain, an_exit_code_of_its_own_is_not_called_graceful) {
    auto story = draining();
    story.pass(1s).restarts(1);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kFailed);
}

TEST(step_drain, ended_by_its_stop_signal_without_a_handler_is_an_end_as_asked_for) {
    auto story = draining();
    story.pass(1s).restarts(143);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
}

TEST(step_drain, a_person_who_stops_it_while_it_drains_is_not_overruled) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(StopRefused{}).feed(SignalPending{Via::kDirect});
    story.feed(DockerKill{}).feed(Exited{0, 0}).pass(5min);
    EXPECT_EQ(story.times<StartContainer>(), 0);
    EXPECT_EQ(story.times(EventType::kLeftAlone), 1);
}

TEST(step_drain, a_docker_that_reads_the_request_late_restarts_it_for_us) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(2s).feed(SignalPending{Via::kDirect});
    ASSERT_EQ(story.times(EventType::kDockerSlow), 1);
    story.feed(DockerKill{}).pass(1s).restarts(0);
    ASSERT_EQ(story.times(EventType::kRestartFinished), 1);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
    EXPECT_EQ(story.times(EventType::kLeftAlone), 0);
    EXPECT_EQ(story.times<StartContainer>(), 0);
}

TEST(step_drain, a_person_who_stops_it_after_docker_hung_is_not_overruled_either) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).pass(2s).feed(SignalPending{Via::kDirect});
    ASSERT_EQ(story.times(EventType::kDockerSlow), 1);
    story.feed(DockerKill{}).pass(1s).feed(Exited{0, 0}).pass(30min);
    EXPECT_EQ(story.times<StartContainer>(), 0);
    EXPECT_EQ(story.times(EventType::kLeftAlone), 1);
}

TEST(step_drain, a_missed_exit_is_told_as_a_restart_of_unknown_outcome) {
    auto story = draining();
    story.feed(Started{}).arm();
    ASSERT_NE(story.event(EventType::kRestartFinished), nullptr);
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kNone);
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(step_drain, where_the_freeze_failed_the_kill_line_is_guarded_before_the_signal_too) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(BrakeFailed{});
    EXPECT_LE(story.result.sample_at, story.now + 100ms);
    story.pass(20ms).heap(2040);
    EXPECT_EQ(story.times<KillWhole>(), 1);
}

}  // namespace
}  // namespace policies
