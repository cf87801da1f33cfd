// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// What is noticed, and what is left alone.
namespace policies {
namespace {

using namespace std::chrono_literals;

TEST(step_watch, a_heap_that_stays_at_85_percent_is_never_touched) {
    auto story = Story::begun(graceful_policy());
    for (int minute = 0; minute < 24 * 60; ++minute)
        story.pass(1min).heap(1740 + static_cast<std::uint64_t>(minute % 3));
    EXPECT_TRUE(story.told.empty());
}

TEST(step_watch, page_cache_lifts_the_tripwire_and_freezes_nothing) {
    auto story = Story::begun(graceful_policy());
    story.pass(1s).crossed(600, 1250);
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, story.result.state.kill_line());
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 1);
    EXPECT_EQ(story.times<Freeze>(), 0);
    story.pass(250ms).crossed(600, 1400).pass(250ms).crossed(600, 1420);
    EXPECT_EQ(story.times<SetTripwire>(), 1) << "while the cache is there, the tripwire stays lifted";
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 1);
}

TEST(step_watch, the_tripwire_is_set_back_when_the_cache_is_gone) {
    auto story = Story::begun(graceful_policy());
    story.crossed(600, 1250).pass(2min).heap(600, 300);
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    story.pass(5s).crossed(600, 1250);
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 2) << "the next crossing is told again";
}

TEST(step_watch, a_leak_behind_the_cache_is_still_caught) {
    auto story = Story::begun(graceful_policy());
    story.crossed(600, 1250).pass(1s).heap(1200, 800).pass(1s).heap(1850, 180);
    EXPECT_TRUE(story.did<Freeze>());
}

TEST(step_watch, a_crossing_with_hardly_any_cache_is_not_called_churn) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1820, 24);
    EXPECT_TRUE(story.told.empty());
}

TEST(step_watch, a_slow_leak_that_the_kernel_holds_at_its_tripwire_is_near) {
    auto story = Story::begun(graceful_policy());
    story.pass(1s).heap(1839, 1).pass(1s).heap(1842, 1);
    EXPECT_TRUE(story.told.empty()) << "nothing has held it back yet";
    story.sample.high_events += 100;
    story.pass(1s).heap(1700, 1);
    story.sample.high_events += 100;
    story.pass(1s).heap(1700, 142);
    EXPECT_EQ(story.times<Freeze>(), 0) << "there was cache to take";
    story.sample.high_events += 100;
    story.pass(1s).heap(1842, 1);
    EXPECT_TRUE(story.did<Freeze>());
    ASSERT_NE(story.event(EventType::kOomNear), nullptr);
    EXPECT_EQ(story.event(EventType::kOomNear)->reason.rule, Rule::kUnreclaimable);
}

TEST(step_watch, what_is_held_at_its_tripwire_is_told_once) {
    auto story = Story::begun(policy_that(NearOomAction::kNotify));
    story.pass(1s).heap(1842, 1);
    for (int i = 0; i < 10; ++i) {
        story.sample.high_events += static_cast<std::uint64_t>(i % 2);  // now and then it has tried nothing
        story.pass(100ms).heap(1843, 1);
    }
    EXPECT_EQ(story.times(EventType::kOomNear), 1);
}

TEST(step_watch, what_stands_at_its_tripwire_far_below_the_threshold_is_not_near) {
    ServicePolicy policy = graceful_policy();
    policy.near_oom->when.terms.front().size = percent(95);
    auto story = Story::begun(policy);
    story.pass(1s).heap(1842, 1);
    story.sample.high_events += 100;
    story.pass(1s).crossed(1842, 1);
    EXPECT_TRUE(story.told.empty());
}

TEST(step_watch, notify_tells_once_for_each_crossing) {
    auto story = Story::begun(policy_that(NearOomAction::kNotify));
    for (int i = 0; i < 10; ++i) story.pass(500ms).crossed(1900);
    EXPECT_EQ(story.times(EventType::kOomNear), 1);
    story.pass(1s).heap(1000).pass(1s).heap(1900);
    EXPECT_EQ(story.times(EventType::kOomNear), 2);
    EXPECT_FALSE(story.touched());
}

TEST(step_watch, without_near_oom_nothing_is_ever_done_to_it) {
    auto policy = graceful_policy();
    policy.near_oom.reset();
    auto story = Story::begun(policy);
    story.crossed(2047)
        .feed(DockerKill{})
        .pass(1min)
        .crossed(2047)
        .feed(Paused{})
        .feed(Unpaused{})
        .feed(Released{});
    EXPECT_FALSE(story.touched());
}

TEST(step_watch, without_a_limit_there_is_nothing_to_decide) {
    Story story(graceful_policy());
    story.feed(Armed{});
    story.told.clear();
    story.sample.unreclaimable = story.sample.current = 900_GiB;
    story.feed(Sampled{story.sample, true});
    EXPECT_TRUE(story.told.empty());
    EXPECT_EQ(forecast(story.result.state), Duration::max());
}

Warn warn_at(int n) {
    Warn warn;
    warn.when.terms = {Term{.size = percent(n)}};
    warn.call = SignalCall{10};
    return warn;
}

TEST(step_watch, the_application_is_warned_once_in_every_period) {
    auto policy = graceful_policy();
    policy.near_oom->warn = warn_at(75);
    auto story = Story::begun(policy);
    for (int i = 0; i < 119; ++i) story.pass(500ms).heap(1600);
    EXPECT_EQ(story.times<CallWarn>(), 1);
    story.pass(30s).heap(1600).pass(1s).heap(1600);
    EXPECT_EQ(story.times<CallWarn>(), 2);
    EXPECT_EQ(story.times<Freeze>(), 0);
}

TEST(step_watch, what_came_of_the_warning_is_told_with_its_reason) {
    auto policy = graceful_policy();
    policy.near_oom->warn = warn_at(75);
    auto story = Story::begun(policy);
    story.heap(1600).feed(WarnDone{true});
    ASSERT_NE(story.event(EventType::kWarned), nullptr);
    EXPECT_EQ(story.event(EventType::kWarned)->reason.measured, Quantity::of(1600_MiB));
    story.feed(WarnDone{false});
    ASSERT_NE(story.event(EventType::kActionFailed), nullptr);
    EXPECT_EQ(story.event(EventType::kActionFailed)->reason.rule, Rule::kUnreclaimable);
}

TEST(step_watch, a_new_run_may_be_warned_at_once) {
    auto policy = graceful_policy();
    policy.near_oom->warn = warn_at(75);
    auto story = Story::begun(policy);
    story.heap(1600).pass(1s).leaks_and_restarts().heap(1600);
    EXPECT_EQ(story.times<CallWarn>(), 2);
}

TEST(step_watch, an_oom_kill_is_told_once_however_often_it_is_read) {
    auto story = Story::begun(graceful_policy());
    story.sample.oom_kills = 2;
    story.heap(500).pass(5s).heap(500);
    EXPECT_EQ(story.times(EventType::kOomKilled), 1);
    EXPECT_EQ(story.event(EventType::kOomKilled)->count, 2);
    story.sample.oom_kills = 3;
    story.heap(500).feed(Exited{137, 3});
    EXPECT_EQ(story.times(EventType::kOomKilled), 2);
    EXPECT_EQ(story.event(EventType::kOomKilled)->count, 1);
}

TEST(step_watch, kills_from_before_the_arming_are_not_told) {
    Story story(graceful_policy());
    Armed armed{.hard = Story::kHard, .tripwire = Story::kTripwire, .grace = 10s};
    armed.oom_kills = 4;
    story.feed(armed);
    story.sample.oom_kills = 4;
    story.heap(500);
    EXPECT_EQ(story.times(EventType::kOomKilled), 0);
}

TEST(step_watch, a_deploy_is_left_alone) {
    auto story = Story::begun(graceful_policy());
    story.heap(1700).feed(DockerKill{});
    EXPECT_EQ(story.phase(), Phase::kLeftAlone);
    // It may use its memory to save its work, as in a drain of ours.
    EXPECT_EQ(story.find<SetTripwire>()->value, story.result.state.kill_line());
    story.pass(1s).crossed(2040).pass(1s).feed(Exited{137, 0}).pass(1h);
    for (const auto times : {story.times<Freeze>(), story.times<AskStop>(), story.times<KillWhole>(),
                             story.times<StartContainer>(), story.times<SignalStop>()})
        EXPECT_EQ(times, 0);
    for (const auto type :
         {EventType::kOomNear, EventType::kKilled, EventType::kActionFailed, EventType::kOomKilled})
        EXPECT_EQ(story.times(type), 0) << to_string(type);
    EXPECT_EQ(story.deadline(), TimePoint::max());
}

TEST(step_watch, a_stop_that_was_none_ends_in_watching_again) {
    auto story = Story::begun(graceful_policy());
    story.feed(DockerKill{}).pass(30s);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    story.crossed(1900);
    EXPECT_TRUE(story.did<Freeze>());
}

TEST(step_watch, a_paused_container_is_left_alone_until_it_runs_again) {
    auto story = Story::begun(graceful_policy());
    story.feed(Paused{}).pass(1h).crossed(1900);
    EXPECT_FALSE(story.touched());
    EXPECT_EQ(story.result.sample_at, TimePoint::max());
    story.feed(Unpaused{});
    EXPECT_EQ(story.result.sample_at, story.now) << "look at once";
    story.crossed(1900);
    EXPECT_TRUE(story.did<Freeze>());
}

TEST(step_watch, a_container_that_ends_by_itself_is_told_and_not_started) {
    auto story = Story::begun(graceful_policy());
    story.feed(Exited{3, 0}).pass(10min);
    ASSERT_EQ(story.times(EventType::kExited), 1);
    EXPECT_EQ(story.event(EventType::kExited)->exit_code, 3);
    EXPECT_FALSE(story.touched());
}

TEST(step_watch, a_reload_while_the_tripwire_is_lifted_may_lift_it_again) {
    // Arming wrote the tripwire anew; a cache that fires it must not be throttled until it shrinks by itself.
    auto story = Story::begun(graceful_policy());
    story.crossed(600, 1250).arm();
    story.told.clear();
    story.crossed(600, 1250);
    EXPECT_EQ(story.times<SetTripwire>(), 1);
}

TEST(condition, any_needs_one_term_and_all_needs_every_one) {
    auto story = Story::begun(graceful_policy());
    story.pass(1s).heap(1600).pass(1s).heap(1610);
    Condition condition{
        .all = false, .terms = {Term{.size = percent(75)}, Term{.measure = Measure::kEta, .duration = 1ms}}};
    Reason why;
    EXPECT_TRUE(holds(condition, story.result.state, why));
    EXPECT_EQ(why.rule, Rule::kUnreclaimable);
    condition.all = true;
    EXPECT_FALSE(holds(condition, story.result.state, why));
    condition.terms[1].duration = 1h;
    EXPECT_TRUE(holds(condition, story.result.state, why));
    EXPECT_FALSE(holds(Condition{}, story.result.state, why));
}

TEST(condition, looks_at_all_memory_and_at_pressure_too) {
    auto story = Story::begun(graceful_policy());
    story.sample.full = Permille{120};
    story.heap(100, 1500);
    Reason why;
    EXPECT_TRUE(
        holds({.terms = {Term{.measure = Measure::kCurrent, .size = {1_GiB, {}}}}}, story.result.state, why));
    EXPECT_EQ(why.measured, Quantity::of(1600_MiB));
    EXPECT_TRUE(holds({.terms = {Term{.measure = Measure::kPressureFull, .pressure = {120}}}},
                      story.result.state, why));
    EXPECT_EQ(why.rule, Rule::kPressure);
    EXPECT_FALSE(holds({.terms = {Term{.measure = Measure::kPressureSome, .pressure = {1}}}},
                       story.result.state, why));
}

TEST(forecast, is_headroom_by_growth) {
    auto story = Story::begun(graceful_policy());
    for (std::uint64_t mib = 410; mib <= 1000; mib += 10) story.pass(1s).heap(mib);
    // 10 MiB/s for long enough that the smoothed growth is the growth; 1048 MiB are left.
    EXPECT_GT(forecast(story.result.state), 104s);
    EXPECT_LT(forecast(story.result.state), 106s);
    for (int i = 0; i < 60; ++i) story.pass(1s).heap(900);
    EXPECT_EQ(forecast(story.result.state), Duration::max());
}

TEST(step_watch, a_cache_that_comes_and_goes_does_not_fill_the_log) {
    auto story = Story::begun(graceful_policy());
    for (int i = 0; i < 10; ++i) story.pass(1s).crossed(1000, 900).pass(1s).heap(1000, 100);
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 1);
    story.pass(60s).crossed(1000, 900);
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 2);
}

}  // namespace
}  // namespace policies
