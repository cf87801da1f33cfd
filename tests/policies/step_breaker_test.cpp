// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// Spacing of restarts, and the end of them.
namespace policies {
namespace {

using namespace std::chrono_literals;

/// Trips as soon as it is back, and says how long the restart was put off.
Duration delay_of_next(Story& story) {
    const TimePoint back = story.now;
    story.pass(1ms).crossed(1900);
    if (story.phase() == Phase::kBackingOff) story.pass(story.deadline() - story.now);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    const Duration delay = story.now - back;
    story.feed(SignalPending{}).restarts();
    return delay;
}

ServicePolicy many_restarts() {
    auto policy = graceful_policy();
    policy.restart.breaker.restarts = 30;
    return policy;
}

TEST(step_backoff, the_first_restart_is_not_put_off) {
    auto story = Story::begun(graceful_policy());
    EXPECT_EQ(delay_of_next(story), 1ms);
}

TEST(step_backoff, delays_double_up_to_the_longest) {
    auto policy = many_restarts();
    policy.restart.backoff.to = 5s;
    auto story = Story::begun(policy);
    story.leaks_and_restarts();
    for (const Duration expected : {1s, 2s, 4s, 5s, 5s}) EXPECT_EQ(delay_of_next(story), expected);
}

TEST(step_backoff, a_long_good_run_starts_over) {
    auto story = Story::begun(many_restarts());
    story.leaks_and_restarts();
    EXPECT_EQ(delay_of_next(story), Duration(1s));
    EXPECT_EQ(delay_of_next(story), Duration(2s));
    story.heap(400).pass(10min);
    story.leaks_and_restarts();
    EXPECT_EQ(story.times(EventType::kRestartDelayed), 2) << "after a good run there is no delay";
    EXPECT_EQ(delay_of_next(story), Duration(1s));
}

TEST(step_backoff, waiting_it_is_capped_and_told_and_not_frozen_without_need) {
    auto story = Story::begun(graceful_policy());
    story.leaks_and_restarts().told.clear();
    story.pass(10ms).crossed(1850);
    EXPECT_EQ(story.phase(), Phase::kBackingOff);
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    EXPECT_EQ(story.event(EventType::kRestartDelayed)->reason.threshold, Quantity::of(Duration(1s)));
    EXPECT_EQ(story.times<Freeze>(), 0);
}

TEST(step_backoff, half_way_to_the_hard_limit_it_is_frozen_and_later_restarted) {
    auto story = Story::begun(graceful_policy());
    story.leaks_and_restarts().told.clear();
    story.pass(10ms).crossed(1850).pass(100ms).heap(1950);
    EXPECT_EQ(story.times<Freeze>(), 1);
    EXPECT_EQ(story.times(EventType::kCapFrozen), 1);
    story.pass(100ms).heap(1950);
    EXPECT_EQ(story.times<Freeze>(), 1);
    story.pass(1s);
    EXPECT_EQ(story.times<AskStop>(), 1);
    EXPECT_EQ(story.times<Freeze>(), 1) << "it stands still already";
    story.feed(SignalPending{});
    EXPECT_TRUE(story.did<Thaw>());
}

TEST(step_backoff, memory_given_back_ends_the_waiting) {
    auto story = Story::begun(graceful_policy());
    story.leaks_and_restarts();
    story.pass(10ms).crossed(1850).pass(100ms).heap(1000);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_EQ(story.deadline(), TimePoint::max());
}

TEST(step_backoff, no_need_left_at_the_end_of_the_waiting_means_no_restart) {
    auto story = Story::begun(graceful_policy());
    story.leaks_and_restarts();
    story.told.clear();
    story.pass(10ms).crossed(1850).pass(100ms).heap(1800).pass(5s);
    EXPECT_EQ(story.times<AskStop>(), 0);
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

Story quarantined(std::uint64_t mib = 1850) {
    auto policy = graceful_policy();
    policy.restart.backoff.from = policy.restart.backoff.to = 0ms;
    policy.restart.breaker.restarts = 3;
    auto story = Story::begun(policy);
    for (int i = 0; i < 3; ++i) story.pass(10s).leaks_and_restarts();
    EXPECT_EQ(story.times<AskStop>(), 3);
    story.told.clear();
    story.pass(10s).crossed(mib);
    return story;
}

TEST(step_breaker, opens_after_the_allowed_restarts_and_leaves_it_alive) {
    auto story = quarantined();
    EXPECT_EQ(story.phase(), Phase::kQuarantined);
    const Event* event = story.event(EventType::kBreakerOpened);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->count, 3);
    EXPECT_EQ(event->reason.threshold, Quantity::count(3));
    for (int i = 0; i < 600; ++i) story.pass(100ms).crossed(1850);
    EXPECT_EQ(story.times<AskStop>() + story.times<KillWhole>() + story.times<Freeze>(), 0);
    EXPECT_EQ(story.times(EventType::kBreakerOpened), 1);
}

TEST(step_breaker, restarts_spread_over_more_than_the_window_never_open_it) {
    auto policy = graceful_policy();
    policy.restart.backoff.from = policy.restart.backoff.to = 0ms;
    policy.restart.breaker.restarts = 3;
    auto story = Story::begun(policy);
    for (int i = 0; i < 50; ++i) story.pass(4min).leaks_and_restarts();
    EXPECT_EQ(story.times(EventType::kBreakerOpened), 0);
    EXPECT_EQ(story.times(EventType::kRestartFinished), 50);
}

TEST(step_breaker, opens_though_the_policy_allows_more_than_is_remembered) {
    auto policy = graceful_policy();
    policy.restart.backoff.from = policy.restart.backoff.to = 0ms;
    policy.restart.breaker = {.restarts = 1000, .within = 24h};
    auto story = Story::begun(policy);
    for (int i = 0; i < 1100 && story.phase() != Phase::kQuarantined; ++i) {
        story.pass(10s).crossed(1900);
        if (story.phase() == Phase::kSignalling) story.feed(SignalPending{}).restarts();
    }
    EXPECT_EQ(story.times(EventType::kBreakerOpened), 1);
}

TEST(step_breaker, the_cap_is_the_policys) {
    auto policy = graceful_policy();
    policy.restart.breaker = {.restarts = 1, .cap = percent(80)};
    auto story = Story::begun(policy);
    story.leaks_and_restarts().pass(1min).crossed(1900);
    EXPECT_EQ(story.find<SetTripwire>()->value, share_of(Story::kHard, Permille{800}));
}

TEST(step_breaker, capped_and_half_way_to_the_hard_limit_it_is_frozen_with_a_review) {
    auto story = quarantined();
    story.pass(1s).heap(1960);
    EXPECT_EQ(story.times<Freeze>(), 1);
    EXPECT_EQ(story.times(EventType::kCapFrozen), 1);
    story.pass(10min);
    EXPECT_NE(story.deadline(), TimePoint::max());
    EXPECT_EQ(story.times<Freeze>(), 1);
}

TEST(step_breaker, an_operator_releases_it) {
    auto story = quarantined();
    story.pass(1s).heap(1000).feed(Released{});
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    EXPECT_EQ(story.event(EventType::kBreakerReleased)->reason.rule, Rule::kOperator);
    story.crossed(1900);
    EXPECT_EQ(story.phase(), Phase::kSignalling) << "governed as before, with a fresh count";
}

TEST(step_breaker, released_while_frozen_it_is_restarted_gracefully) {
    auto story = quarantined(1960);
    ASSERT_TRUE(story.did<Freeze>());
    story.feed(Released{});
    EXPECT_TRUE(story.did<AskStop>());
    EXPECT_FALSE(story.did<Freeze>());
    story.feed(SignalPending{});
    EXPECT_TRUE(story.did<Thaw>());
    story.restarts();
    EXPECT_EQ(story.event(EventType::kRestartFinished)->outcome, Outcome::kGraceful);
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(step_breaker, a_crash_does_not_end_the_quarantine) {
    auto story = quarantined();
    story.feed(Exited{1, 0}).feed(Started{}).arm();
    EXPECT_EQ(story.phase(), Phase::kQuarantined);
    EXPECT_TRUE(story.did<SetTripwire>());
    story.pass(1s).crossed(1900);
    EXPECT_EQ(story.times<AskStop>() + story.times<KillWhole>(), 0);
}

TEST(step_breaker, a_pause_does_not_end_the_quarantine) {
    auto story = quarantined();
    story.feed(Paused{}).pass(1min).feed(Unpaused{});
    EXPECT_EQ(story.phase(), Phase::kQuarantined);
}

TEST(step_breaker, released_while_paused_the_cap_goes_too) {
    auto policy = graceful_policy();
    policy.restart.breaker = {.restarts = 1, .cap = percent(80)};
    auto story = Story::begun(policy);
    story.leaks_and_restarts().pass(1min).crossed(1900).feed(Paused{});
    story.feed(Released{});
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    story.feed(Unpaused{});
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(step_breaker, a_deploy_ends_the_quarantine) {
    auto story = quarantined();
    story.feed(DockerKill{}).feed(Exited{0, 0}).feed(Started{}).arm();
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

TEST(step_breaker, a_policy_that_no_longer_acts_lets_it_go) {
    for (const bool notify : {false, true}) {
        auto story = quarantined(1960);
        if (notify) {
            story.policy.near_oom->action = NearOomAction::kNotify;
        } else {
            story.policy.near_oom.reset();
        }
        story.pass(5s).heap(1960);
        EXPECT_TRUE(story.did<Thaw>());
        EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
        EXPECT_EQ(story.phase(), Phase::kWatching);
        story.pass(10min);
        EXPECT_EQ(story.times<AskStop>() + story.times<KillWhole>(), 0);
    }
}

TEST(step_breaker, a_policy_that_no_longer_acts_ends_the_waiting) {
    for (const bool by_sample : {false, true}) {
        auto story = Story::begun(graceful_policy());
        story.leaks_and_restarts().pass(10ms).crossed(1960);
        ASSERT_EQ(story.phase(), Phase::kBackingOff);
        story.told.clear();
        story.policy.near_oom.reset();
        if (by_sample) story.pass(100ms).heap(1960);
        story.pass(1min);
        EXPECT_EQ(story.phase(), Phase::kWatching);
        EXPECT_EQ(story.times<Thaw>(), 1);
        EXPECT_EQ(story.times<AskStop>(), 0);
    }
}

}  // namespace
}  // namespace policies
