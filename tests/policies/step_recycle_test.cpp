// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// do: recycle and do: auto: one process of a pool ends, and the container stays.
namespace policies {
namespace {

using namespace std::chrono_literals;

ServicePolicy recycling(NearOomAction action = NearOomAction::kRecycle) {
    auto policy = graceful_policy();
    policy.near_oom->action = action;
    return policy;
}

/// A pool whose largest child holds so much.
Survey pool(std::uint64_t mib = 600) {
    Survey survey;
    survey.processes = 5;
    survey.held = 1800_MiB;
    survey.candidate.pid = 4711;
    survey.candidate.bytes = Bytes{mib << 20U};
    survey.refused = Rule::kNone;
    survey.pool_explains_growth = true;
    survey.largest[0] = survey.candidate;
    survey.count = 1;
    return survey;
}

Survey refused(Rule why) {
    Survey survey = pool();
    survey.candidate = {};
    survey.refused = why;
    return survey;
}

Story surveying(ServicePolicy policy = recycling()) {
    Story story = Story::begun(std::move(policy));
    story.crossed(1900);
    return story;
}

Story recycling_one(ServicePolicy policy = recycling()) {
    Story story = surveying(std::move(policy));
    story.pass(10ms).feed(Surveyed{pool()});
    return story;
}

Story recycled_one(ServicePolicy policy = recycling()) {
    Story story = recycling_one(std::move(policy));
    story.pass(1s).feed(ProcessEnded{}).pass(100ms).feed(ProcessRespawned{}).heap(1300);
    return story;
}

TEST(step_recycle, freezes_and_surveys_before_it_decides) {
    const Story story = surveying();
    EXPECT_EQ(story.phase(), Phase::kSurveying);
    EXPECT_LT(story.place<Freeze>(), story.place<SurveyProcesses>());
    EXPECT_TRUE(story.did<SurveyProcesses>());
    EXPECT_FALSE(story.did<AskStop>());
    EXPECT_EQ(story.times(EventType::kOomNear), 1);
}

TEST(step_recycle, signals_the_process_then_gives_room_then_thaws) {
    const Story story = recycling_one();
    EXPECT_EQ(story.phase(), Phase::kRecycling);
    ASSERT_TRUE(story.did<RecycleProcess>());
    EXPECT_EQ(story.find<RecycleProcess>()->pid, 4711);
    EXPECT_EQ(story.find<RecycleProcess>()->signal, kSignalTerm);
    EXPECT_LT(story.place<RecycleProcess>(), story.place<SetTripwire>());
    EXPECT_LT(story.place<SetTripwire>(), story.place<Thaw>());
    EXPECT_EQ(story.find<SetTripwire>()->value, story.result.state.kill_line());
    const Event* event = story.event(EventType::kRecycling);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->process.pid, 4711);
    EXPECT_EQ(event->brake, 10ms);
}

TEST(step_recycle, is_done_when_memory_fell_and_the_parent_has_replaced_it) {
    Story story = recycled_one();
    EXPECT_EQ(story.phase(), Phase::kWatching);
    const Event* event = story.event(EventType::kRecycled);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->outcome, Outcome::kGraceful);
    EXPECT_EQ(event->process.pid, 4711);
    EXPECT_EQ(event->drain, 1s);
    EXPECT_EQ(event->freed, 600_MiB);
    EXPECT_EQ(story.times<AskStop>(), 0);
    EXPECT_EQ(story.times<KillWhole>(), 0);
    // The tripwire is back where it was.
    EXPECT_EQ(story.result.state.tripwire, Story::kTripwire);
    EXPECT_EQ(story.deadline(), TimePoint::max());
}

TEST(step_recycle, uses_the_signal_and_the_grace_of_the_policy) {
    auto policy = recycling();
    policy.near_oom->recycle.signal = 3;
    policy.near_oom->recycle.grace = 5s;
    Story story = recycling_one(policy);
    EXPECT_EQ(story.find<RecycleProcess>()->signal, 3);
    story.pass(4s);
    EXPECT_EQ(story.times<KillProcess>(), 0);
    story.pass(2s);
    EXPECT_EQ(story.times<KillProcess>(), 1);
    story.feed(ProcessEnded{}).feed(ProcessRespawned{}).heap(1200);
    EXPECT_EQ(story.event(EventType::kRecycled)->outcome, Outcome::kKilledByGovernor);
    EXPECT_EQ(story.event(EventType::kRecycled)->reason.rule, Rule::kGraceEnded);
}

TEST(step_recycle, holds_the_others_only_near_the_kill_line) {
    Story story = recycling_one();
    story.heap(1910);
    EXPECT_FALSE(story.did<HoldOthers>());
    const Bytes kill = story.result.state.kill_line();
    story.heap((kill.value >> 20U) - 10);
    ASSERT_TRUE(story.did<HoldOthers>());
    EXPECT_EQ(story.find<HoldOthers>()->pid, 4711);
    story.heap((kill.value >> 20U) - 9);
    EXPECT_FALSE(story.did<HoldOthers>()) << "once is enough";
    story.feed(ProcessEnded{});
    EXPECT_TRUE(story.did<Thaw>());
    EXPECT_FALSE(story.result.state.others_held);
}

TEST(step_recycle, does_not_hold_the_others_for_longer_than_a_server_s_own_watchdog_waits) {
    Story story = recycling_one();
    story.heap((story.result.state.kill_line().value >> 20U) - 10);
    ASSERT_TRUE(story.result.state.others_held);
    story.pass(9s);
    EXPECT_EQ(story.times<KillProcess>(), 0);
    story.pass(2s);
    EXPECT_EQ(story.times<KillProcess>(), 1);
    story.feed(ProcessEnded{}).feed(ProcessRespawned{}).heap(1200);
    EXPECT_EQ(story.event(EventType::kRecycled)->reason.rule, Rule::kHardLimitNear);
}

TEST(step_recycle, auto_on_a_container_without_a_pool_is_a_restart_and_no_failure) {
    Story story = surveying(recycling(NearOomAction::kAuto));
    story.feed(Surveyed{refused(Rule::kNoPool)});
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_EQ(story.times(EventType::kRecycleFailed), 0);
}

TEST(step_recycle, kills_the_process_and_no_other_at_the_kill_line) {
    Story story = recycling_one();
    story.heap((story.result.state.kill_line().value >> 20U) + 1);
    EXPECT_TRUE(story.did<KillProcess>());
    EXPECT_TRUE(story.did<Freeze>()) << "nothing grows until it has gone";
    EXPECT_FALSE(story.did<KillWhole>());
    story.feed(ProcessEnded{});
    EXPECT_TRUE(story.did<Thaw>());
    story.feed(ProcessRespawned{}).heap(1200);
    EXPECT_EQ(story.event(EventType::kRecycled)->outcome, Outcome::kKilledByGovernor);
    EXPECT_EQ(story.event(EventType::kRecycled)->reason.rule, Rule::kHardLimitNear);
}

class Refusals : public testing::TestWithParam<Rule> {};

TEST_P(Refusals, lead_to_a_graceful_restart_without_a_thaw_in_between) {
    Story story = surveying();
    story.feed(Surveyed{refused(GetParam())});
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_TRUE(story.did<AskStop>());
    EXPECT_FALSE(story.did<Thaw>());
    EXPECT_TRUE(story.result.state.frozen);
    ASSERT_NE(story.event(EventType::kRecycleFailed), nullptr);
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, GetParam());
    EXPECT_EQ(story.times(EventType::kOomNear), 1) << "the trip was published already";
    story.feed(SignalPending{}).restarts();
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
}

INSTANTIATE_TEST_SUITE_P(step_recycle, Refusals,
                         testing::Values(Rule::kNoPool, Rule::kNoProcessMatches, Rule::kParentHolds,
                                         Rule::kProcessesUnseen));

TEST(step_recycle, a_child_that_frees_too_little_is_not_ended) {
    Story story = surveying();
    story.feed(Surveyed{pool(80)});
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kFreesTooLittle);
    EXPECT_TRUE(story.did<AskStop>());
}

TEST(step_recycle, memory_that_no_process_holds_is_shared) {
    Survey survey = pool(400);
    survey.held = 700_MiB;
    Story story = surveying();
    story.feed(Surveyed{survey});
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kSharedMemory);
}

TEST(step_recycle, auto_restarts_when_the_pool_is_not_what_grows) {
    Survey survey = pool();
    survey.pool_explains_growth = false;
    Story with_auto = surveying(recycling(NearOomAction::kAuto));
    with_auto.feed(Surveyed{survey});
    EXPECT_EQ(with_auto.event(EventType::kRecycleFailed)->reason.rule, Rule::kGrowthElsewhere);
    Story asked_for = surveying();
    asked_for.feed(Surveyed{survey});
    EXPECT_EQ(asked_for.phase(), Phase::kRecycling);
}

TEST(step_recycle, a_survey_that_does_not_come_is_no_reason_to_wait) {
    Story story = surveying();
    story.pass(4s);
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kProcessesUnseen);
    EXPECT_EQ(story.times<AskStop>(), 1);
}

TEST(step_recycle, a_parent_that_starts_no_new_child_gets_a_restart) {
    Story story = recycling_one();
    story.feed(ProcessEnded{}).heap(1200);
    EXPECT_EQ(story.phase(), Phase::kRecycling) << "the pool is not complete";
    story.pass(11s);
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kNotRespawned);
    EXPECT_EQ(story.times<AskStop>(), 1);
    EXPECT_EQ(story.times(EventType::kRecycled), 0);
}

TEST(step_recycle, a_missing_child_is_the_reason_although_the_others_leak_on_meanwhile) {
    Story story = recycling_one();
    story.feed(ProcessEnded{}).heap(1200).pass(5s).heap(1890).pass(6s);
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kNotRespawned);
}

TEST(step_recycle, what_leaks_on_in_the_others_is_the_next_one_s_matter) {
    Story story = recycling_one();
    story.feed(ProcessEnded{}).heap(1200).pass(5s).feed(ProcessRespawned{}).heap(1890);
    EXPECT_EQ(story.times(EventType::kRecycled), 1);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    story.pass(1s).crossed(1900);
    EXPECT_EQ(story.phase(), Phase::kSurveying);
}

TEST(step_recycle, a_pool_that_grows_on_demand_need_not_start_one) {
    auto policy = recycling();
    policy.near_oom->recycle.respawn.reset();
    Story story = recycling_one(policy);
    story.feed(ProcessEnded{}).heap(1200);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_EQ(story.times(EventType::kRecycled), 1);
}

TEST(step_recycle, a_restart_follows_when_the_end_did_not_help) {
    Story story = recycling_one();
    story.feed(ProcessEnded{}).feed(ProcessRespawned{});
    for (int i = 0; i < 20; ++i) story.pass(1s).heap(1890);
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kStillNear);
    EXPECT_EQ(story.times<AskStop>(), 1);
}

TEST(step_recycle, one_ends_after_another_when_several_leak_alike) {
    Story story = recycled_one();
    story.pass(2s).crossed(1900).feed(Surveyed{pool()});
    EXPECT_EQ(story.phase(), Phase::kRecycling);
    story.feed(ProcessEnded{}).feed(ProcessRespawned{}).heap(1300);
    EXPECT_EQ(story.times(EventType::kRecycled), 2);
    EXPECT_EQ(story.times<AskStop>(), 0);
}

TEST(step_recycle, not_again_within_its_spacing_unless_memory_demands_a_restart) {
    auto policy = recycling();
    policy.near_oom->recycle.every = 1min;
    Story story = recycled_one(policy);
    story.pass(2s).crossed(1900);
    EXPECT_EQ(story.phase(), Phase::kWatching) << "the tripwire keeps it";
    story.pass(2s).crossed((story.result.state.kill_line().value >> 20U) - 2);
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kRecycleSpacing);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
}

TEST(step_recycle, counts_for_the_breaker_by_its_weight) {
    auto policy = recycling();
    policy.near_oom->recycle.weight = Permille{500};
    policy.restart.breaker.restarts = 2;
    policy.restart.breaker.within = 10min;
    Story story = Story::begun(policy);
    int recycles = 0;
    for (; recycles < 10 && story.phase() != Phase::kQuarantined; ++recycles) {
        story.pass(2s).crossed(1900);
        if (story.phase() == Phase::kQuarantined) break;
        story.feed(Surveyed{pool()}).feed(ProcessEnded{}).feed(ProcessRespawned{}).heap(1300);
    }
    EXPECT_EQ(recycles, 4) << "four of half a restart each are two";
    EXPECT_EQ(story.times(EventType::kBreakerOpened), 1);
}

TEST(step_recycle, a_main_process_that_ends_with_its_child_comes_back) {
    Story story = recycling_one();
    story.feed(Exited{0, 0});
    EXPECT_EQ(story.phase(), Phase::kExited);
    story.pass(15s);
    EXPECT_GE(story.times<StartContainer>(), 1) << "nothing stays stopped because of the governor";
}

TEST(step_recycle, a_foreign_stop_ends_it) {
    Story story = recycling_one();
    story.heap((story.result.state.kill_line().value >> 20U) - 10);
    ASSERT_TRUE(story.result.state.others_held);
    story.feed(DockerKill{kSignalTerm});
    EXPECT_EQ(story.phase(), Phase::kLeftAlone);
    EXPECT_TRUE(story.did<Thaw>()) << "the held must handle their signals too";
}

TEST(step_recycle, arming_in_between_leaves_the_process_its_room) {
    Story story = recycling_one();
    story.arm();
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, story.result.state.kill_line());
    story.feed(ProcessEnded{}).arm();
    EXPECT_FALSE(story.did<SetTripwire>());
}

TEST(step_recycle, a_pause_gives_it_up_and_puts_the_tripwire_back) {
    Story story = recycling_one();
    story.feed(Paused{});
    EXPECT_EQ(story.phase(), Phase::kPaused);
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    story.pass(1h);
    EXPECT_EQ(story.times<KillProcess>(), 0);
    story.feed(Unpaused{});
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(step_recycle, a_reload_that_takes_the_policy_away_thaws) {
    Story story = surveying();
    story.policy.near_oom.reset();
    story.feed(Surveyed{pool()});
    EXPECT_TRUE(story.did<Thaw>());
    EXPECT_FALSE(story.did<RecycleProcess>());
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(step_recycle, a_process_that_was_gone_already_counts_as_ended) {
    Story story = recycling_one();
    story.feed(RecycleRefused{});
    EXPECT_EQ(story.event(EventType::kRecycleFailed)->reason.rule, Rule::kSignalFailed);
    EXPECT_TRUE(story.did<AskStop>());
}

TEST(step_recycle, surveys_once_on_the_way_so_that_growth_is_known) {
    Story story = Story::begun(recycling());
    story.pass(5s).heap(1500);
    EXPECT_EQ(story.times<SurveyProcesses>(), 1);
    EXPECT_EQ(story.times<Freeze>(), 0);
    story.pass(5s).heap(1600).pass(5s).heap(1700);
    EXPECT_EQ(story.times<SurveyProcesses>(), 1);
    story.pass(5s).heap(500).pass(5s).heap(1500);
    EXPECT_EQ(story.times<SurveyProcesses>(), 2);
}

TEST(step_recycle, a_graceful_restart_surveys_too_but_does_not_wait_for_it) {
    Story story = Story::begun(graceful_policy());
    story.crossed(1900);
    EXPECT_TRUE(story.did<AskStop>());
    EXPECT_TRUE(story.did<SurveyProcesses>());
    story.feed(Surveyed{pool()});
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    EXPECT_FALSE(story.did<RecycleProcess>());
}

TEST(step_recycle, below_a_shared_limit_one_process_may_be_enough_but_not_for_the_host) {
    Story shared = Story::begun(recycling());
    shared.feed(GiveWay{{Rule::kSharedLimit, {}, {}, {}}});
    EXPECT_EQ(shared.phase(), Phase::kSurveying);
    EXPECT_EQ(shared.times(EventType::kGiveWay), 1);
    Story host = Story::begun(recycling());
    host.feed(GiveWay{{Rule::kHostAvailable, {}, {}, {}}});
    EXPECT_EQ(host.phase(), Phase::kSignalling);
}

}  // namespace
}  // namespace policies
