// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// Replicas restart one at a time: the loan of headroom; a restart because of another container; and where the
// time of a restart goes.
namespace policies {
namespace {

using namespace std::chrono_literals;

constexpr Bytes kRaised = Story::kHard + Bytes{(Story::kHard.value / 10) & ~std::uint64_t{0xffff}};

ServicePolicy lending_policy() {
    ServicePolicy policy = graceful_policy();
    policy.memory.hard = Size{.bytes = Story::kHard, .share = {}};
    policy.near_oom->loan = percent(10);
    return policy;
}

/// Two replicas as one of them sees it.
struct Replica : Story {
    explicit Replica(ServicePolicy what = lending_policy()) : Story(std::move(what)) {
        arm();
        heap(400);
        told.clear();
    }
    bool other_away = true;
    Replica& uses(std::uint64_t mib) {
        sample.unreclaimable = sample.current = {mib << 20U};
        sample.hard = result.state.hard;
        sample.tripwire = result.state.tripwire;
        feed(Sampled{.sample = sample, .tripped = false, .shared = false, .replica_away = other_away});
        return *this;
    }
    Replica& borrows() {
        uses(1900);
        feed(Frozen{});
        feed(LoanDone{true, find<GrantLoan>() == nullptr ? kRaised : find<GrantLoan>()->hard});
        return *this;
    }
    const State& state() const { return result.state; }
};

TEST(step_loan, a_replica_asks_for_headroom_while_the_other_is_away) {
    Replica one;
    one.uses(1900);
    ASSERT_TRUE(one.did<GrantLoan>());
    EXPECT_EQ(one.find<GrantLoan>()->hard, kRaised);
    EXPECT_TRUE(one.did<Freeze>()) << "it must not come to its limit while it waits for Docker";
    EXPECT_FALSE(one.did<AskStop>());
    EXPECT_EQ(one.phase(), Phase::kBorrowing);
    EXPECT_EQ(one.times(EventType::kOomNear), 1);
    EXPECT_EQ(one.deadline(), one.now + 1s) << "half of docker_timeout";
}

TEST(step_loan, it_runs_on_with_all_its_lines_at_the_raised_limit) {
    Replica one;
    one.borrows();
    EXPECT_EQ(one.phase(), Phase::kWatching);
    EXPECT_EQ(one.state().hard, kRaised);
    EXPECT_EQ(one.state().limit, kRaised);
    EXPECT_EQ(one.state().tripwire, share_of(kRaised, {900}));
    ASSERT_TRUE(one.did<SetTripwire>());
    EXPECT_EQ(one.find<SetTripwire>()->value, share_of(kRaised, {900}));
    EXPECT_LT(one.place<SetTripwire>(), one.place<Thaw>());
    ASSERT_NE(one.event(EventType::kLoanGranted), nullptr);
    EXPECT_EQ(one.event(EventType::kLoanGranted)->reason.rule, Rule::kReplicaAway);
    one.told.clear();
    one.uses(1950);
    EXPECT_FALSE(one.touched()) << "below nine tenths of the raised limit";
    EXPECT_EQ(one.state().restarts.count(), 0U);
}

TEST(step_loan, a_threshold_in_bytes_goes_with_the_loan) {
    ServicePolicy policy = lending_policy();
    policy.near_oom->when.terms = {Term{.size = Size{.bytes = 1800_MiB, .share = {}}}};
    policy.memory.tripwire = Size{.bytes = 1843_MiB, .share = {}};
    Replica one(policy);
    one.borrows();
    EXPECT_GT(one.state().tripwire, 2000_MiB);
    one.told.clear();
    one.uses(1900);
    EXPECT_FALSE(one.touched());
    one.uses(1990);
    EXPECT_TRUE(one.did<AskStop>());
}

TEST(step_loan, when_the_other_is_back_it_restarts_and_its_next_life_has_the_old_limit) {
    Replica one;
    one.borrows();
    one.other_away = false;
    one.told.clear();
    one.uses(1900);
    EXPECT_TRUE(one.did<AskStop>());
    EXPECT_EQ(one.times(EventType::kOomNear), 0) << "that was told when the loan was asked for";
    EXPECT_EQ(one.state().hard, kRaised) << "its drain keeps the headroom";
    one.feed(SignalPending{});
    EXPECT_EQ(one.find<SetTripwire>()->value, one.state().drain_line());
    one.restarts();
    EXPECT_EQ(one.state().hard, Story::kHard);
    EXPECT_EQ(one.state().loan_from, kUnlimited);
    EXPECT_EQ(one.times(EventType::kLoanRepaid), 1);
    EXPECT_EQ(one.times(EventType::kRestartFinished), 1);
}

TEST(step_loan, memory_that_fits_again_is_no_reason_to_restart) {
    Replica one;
    one.borrows();
    one.other_away = false;
    one.uses(1000);
    ASSERT_TRUE(one.did<RepayLoan>());
    EXPECT_EQ(one.find<RepayLoan>()->hard, Story::kHard);
    EXPECT_LT(one.place<SetTripwire>(), one.place<RepayLoan>()) << "what grows meanwhile is slowed first";
    EXPECT_EQ(one.find<SetTripwire>()->value, Story::kTripwire);
    EXPECT_EQ(one.times(EventType::kLoanRepaid), 0) << "not before Docker has done it";
    one.feed(LoanDone{false, Story::kHard});
    EXPECT_EQ(one.times(EventType::kLoanRepaid), 1);
    EXPECT_EQ(one.find<SetTripwire>()->value, Story::kTripwire) << "systemd has rewritten it";
    EXPECT_EQ(one.state().loan_from, kUnlimited);
    one.other_away = true;
    one.uses(1900);
    EXPECT_TRUE(one.did<GrantLoan>()) << "a new trip may get a new loan";
}

TEST(step_loan, what_is_used_is_never_above_the_limit_that_is_set) {
    for (const std::uint64_t mib : {1000U, 1700U, 1842U, 1843U, 1844U, 1900U, 2000U}) {
        Replica one;
        one.borrows();
        one.other_away = false;
        one.uses(mib);
        EXPECT_NE(one.did<RepayLoan>(), one.did<AskStop>()) << mib;
        if (one.did<RepayLoan>()) {
            EXPECT_LT(one.sample.unreclaimable, Story::kTripwire) << mib;
        }
    }
}

TEST(step_loan, a_loan_that_docker_does_not_take_back_is_tried_again) {
    Replica one;
    one.borrows();
    one.other_away = false;
    one.uses(1000);
    one.told.clear();
    one.feed(LoanDone{false, kRaised});
    EXPECT_EQ(one.times(EventType::kActionFailed), 1);
    EXPECT_EQ(one.times(EventType::kLoanRepaid), 0);
    one.now += 1s;
    one.uses(1000);
    EXPECT_FALSE(one.did<RepayLoan>());
    one.now += 10s;
    one.uses(1000);
    EXPECT_TRUE(one.did<RepayLoan>());
}

TEST(step_loan, near_the_raised_limit_it_goes_ahead) {
    Replica one;
    one.borrows();
    one.told.clear();
    one.uses(2030);
    EXPECT_TRUE(one.did<AskStop>()) << "no second loan, and no waiting";
    EXPECT_FALSE(one.did<GrantLoan>());
    EXPECT_EQ(one.times(EventType::kOomNear), 1) << "a trip of its own";
}

TEST(step_loan, a_loan_ends_with_its_time) {
    Replica one;
    one.borrows();
    EXPECT_EQ(one.deadline(), one.now + 5min);
    one.told.clear();
    one.pass(5min);
    EXPECT_TRUE(one.times<AskStop>() == 1) << "although the other is away still";
}

TEST(step_loan, a_refused_loan_costs_nothing_but_its_question) {
    Replica one;
    one.uses(1900);
    one.feed(LoanDone{false, Story::kHard});
    EXPECT_EQ(one.phase(), Phase::kSignalling);
    EXPECT_TRUE(one.did<AskStop>());
    EXPECT_FALSE(one.did<Freeze>()) << "it is frozen already";
    EXPECT_TRUE(one.state().frozen);
    EXPECT_EQ(one.times(EventType::kOomNear), 1);
    EXPECT_EQ(one.times(EventType::kActionFailed), 1);
}

TEST(step_loan, a_docker_that_does_not_answer_is_not_waited_for) {
    Replica one;
    one.uses(1900);
    one.pass(1s);
    EXPECT_EQ(one.phase(), Phase::kSignalling);
    EXPECT_EQ(one.times<AskStop>(), 1);
    // It answers after all: the restart goes on, at the old limit.
    one.feed(LoanDone{true, kRaised});
    EXPECT_EQ(one.state().hard, Story::kHard);
    EXPECT_EQ(one.state().loan_from, kUnlimited);
}

TEST(step_loan, where_the_freeze_failed_growth_ends_the_wait) {
    Replica one;
    one.uses(1900);
    one.feed(BrakeFailed{});
    one.uses(1950);
    EXPECT_FALSE(one.did<AskStop>());
    one.uses(2010);
    EXPECT_TRUE(one.did<AskStop>());
    EXPECT_TRUE(one.did<Freeze>());
}

TEST(step_loan, there_is_none_where_it_would_not_help) {
    Replica no_other;
    no_other.other_away = false;
    no_other.uses(1900);
    EXPECT_TRUE(no_other.did<AskStop>()) << "no other replica is away";

    Replica no_time;
    no_time.uses(2040);
    EXPECT_TRUE(no_time.did<AskStop>()) << "at its kill line there is no time to ask";

    Replica bound;
    bound.sample.headroom_above = 10_MiB;
    bound.sample.bound_level = 1;
    bound.uses(1900);
    EXPECT_TRUE(bound.did<AskStop>()) << "a limit above binds";

    ServicePolicy kills = lending_policy();
    kills.near_oom->action = NearOomAction::kKill;
    Replica killed(kills);
    killed.uses(1900);
    EXPECT_TRUE(killed.did<KillWhole>());
    EXPECT_FALSE(killed.did<GrantLoan>());
}

TEST(step_loan, of_two_that_trip_together_one_restarts_and_the_other_borrows) {
    Replica first;
    Replica second;
    // As the supervisor samples them: one after the other.
    first.other_away = second.phase() == Phase::kSignalling;
    first.uses(1900);
    second.other_away = first.phase() == Phase::kSignalling;
    second.uses(1900);
    EXPECT_TRUE(first.did<AskStop>());
    EXPECT_TRUE(second.did<GrantLoan>());
}

TEST(step_loan, a_failed_recycle_may_borrow_as_well) {
    ServicePolicy policy = lending_policy();
    policy.near_oom->action = NearOomAction::kRecycle;
    Replica one(policy);
    one.uses(1900);
    ASSERT_EQ(one.phase(), Phase::kSurveying);
    Survey survey;
    survey.refused = Rule::kNoPool;
    one.feed(Surveyed{survey});
    EXPECT_EQ(one.phase(), Phase::kBorrowing);
    EXPECT_FALSE(one.did<Freeze>());
    EXPECT_TRUE(one.did<GrantLoan>());
    EXPECT_EQ(one.times(EventType::kOomNear), 1);
}

TEST(step_loan, a_policy_that_no_longer_acts_lets_go) {
    Replica one;
    one.uses(1900);
    one.policy.near_oom->action = NearOomAction::kNotify;
    one.feed(LoanDone{false, Story::kHard});
    EXPECT_FALSE(one.state().frozen);
    EXPECT_EQ(one.phase(), Phase::kWatching);
}

TEST(step_loan, another_limit_of_the_policy_ends_it) {
    Replica one;
    one.borrows();
    one.arm();
    EXPECT_EQ(one.state().loan_from, kUnlimited);
    EXPECT_EQ(one.times(EventType::kLoanRepaid), 1);
}

TEST(step_loan, a_look_in_between_does_not_end_it) {
    Replica one;
    one.borrows();
    Armed again;
    again.hard = kRaised;
    again.tripwire = one.state().own_tripwire;
    again.grace = 20s;
    one.told.clear();
    one.feed(again);
    EXPECT_TRUE(one.state().borrowed());
    EXPECT_EQ(one.times(EventType::kLoanRepaid), 0);
}

TEST(step_loan, a_crash_ends_it_too) {
    Replica one;
    one.borrows();
    one.feed(Exited{1, 0}).feed(Started{});
    one.arm();
    EXPECT_EQ(one.state().loan_from, kUnlimited);
    EXPECT_EQ(one.times(EventType::kLoanRepaid), 1);
}

TEST(step_restart_with, it_is_restarted_gracefully_and_nothing_is_held_against_it) {
    Story story = Story::begun(graceful_policy());
    story.feed(GiveWay{{Rule::kRestartWith, {}, {}, {}}});
    EXPECT_TRUE(story.did<AskStop>());
    ASSERT_NE(story.event(EventType::kRestartedWith), nullptr);
    EXPECT_EQ(story.event(EventType::kRestartedWith)->reason.rule, Rule::kRestartWith);
    story.feed(SignalPending{}).restarts();
    EXPECT_EQ(story.times(EventType::kRestartFinished), 1);
    EXPECT_EQ(story.result.state.restarts.count(), 0U) << "no step towards its breaker";
    EXPECT_EQ(story.result.state.backoff_steps, 0);
    story.heap(400);
    story.crossed(1900);
    EXPECT_TRUE(story.did<AskStop>()) << "its own trip is not put off";
}

TEST(step_restart_with, its_own_spacing_does_not_hold_it_up_but_what_is_held_back_stays) {
    Story story = Story::begun(graceful_policy());
    story.leaks_and_restarts();
    story.heap(400);
    story.feed(GiveWay{{Rule::kRestartWith, {}, {}, {}}});
    EXPECT_TRUE(story.did<AskStop>());

    for (const NearOomAction action : {NearOomAction::kNotify, NearOomAction::kHold, NearOomAction::kKill}) {
        Story other = Story::begun(policy_that(action));
        other.feed(GiveWay{{Rule::kRestartWith, {}, {}, {}}});
        EXPECT_FALSE(other.touched()) << to_string(action);
    }
}

TEST(step_away, says_where_the_time_went) {
    Story story = Story::begun(graceful_policy());
    story.crossed(1900);
    story.now += 50ms;
    story.feed(SignalPending{});
    story.now += 1500ms;
    story.feed(Exited{0, 0});
    story.now += 300ms;
    story.feed(Started{});
    story.now += 40ms;
    story.arm();
    const Event* back = story.event(EventType::kRestartFinished);
    ASSERT_NE(back, nullptr);
    EXPECT_EQ(back->away, (Away{1500ms, 300ms, 40ms, 0ms}));
    story.now += 2s;
    story.feed(Healthy{});
    const Event* healthy = story.event(EventType::kAvailableAgain);
    ASSERT_NE(healthy, nullptr);
    EXPECT_EQ(healthy->away, (Away{1500ms, 300ms, 40ms, 2s}));
    EXPECT_EQ(healthy->total, 3890ms);
    story.feed(Healthy{});
    EXPECT_EQ(story.times(EventType::kAvailableAgain), 1) << "once for each restart";
}

TEST(step_away, health_that_comes_before_the_limits_is_not_lost) {
    Story story = Story::begun(graceful_policy());
    story.crossed(1900).feed(SignalPending{});
    story.feed(Exited{0, 0}).feed(Started{}).feed(Healthy{});
    EXPECT_EQ(story.times(EventType::kAvailableAgain), 0);
    story.arm();
    ASSERT_EQ(story.times(EventType::kAvailableAgain), 1);
    EXPECT_EQ(story.event(EventType::kAvailableAgain)->away.healthy, 0ms);
}

TEST(step_away, health_is_awaited_after_a_restart_only_and_not_for_ever) {
    Story quiet = Story::begun(graceful_policy());
    quiet.feed(Healthy{});
    EXPECT_EQ(quiet.times(EventType::kAvailableAgain), 0);

    Story late = Story::begun(graceful_policy());
    late.leaks_and_restarts();
    late.now += 11min;
    late.feed(Healthy{});
    EXPECT_EQ(late.times(EventType::kAvailableAgain), 0);

    Story again = Story::begun(graceful_policy());
    again.leaks_and_restarts();
    again.feed(Exited{1, 0}).feed(Started{}).arm();
    again.feed(Healthy{});
    EXPECT_EQ(again.times(EventType::kAvailableAgain), 0) << "that is another life's health";
}

}  // namespace
}  // namespace policies
