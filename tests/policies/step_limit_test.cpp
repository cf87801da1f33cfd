// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/pace.hpp"
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

// The limit that binds may be one above the container, and reclaim gives back only what it can.
namespace policies {
namespace {

using namespace std::chrono_literals;

/// A sample below a slice that leaves so much, in MiB.
Story& below(Story& story, std::uint64_t heap, std::uint64_t headroom, bool shared = false) {
    story.sample.headroom_above = {headroom << 20U};
    story.sample.bound_level = 1;
    story.sample.unreclaimable = story.sample.current = {heap << 20U};
    story.sample.hard = Story::kHard;
    return story.feed(Sampled{story.sample, false, shared});
}

TEST(step_limit, the_tripwire_goes_to_ninety_percent_of_the_limit_that_binds) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600);
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, 900_MiB);
    EXPECT_EQ(story.result.state.limit, 1000_MiB);
    EXPECT_EQ(story.result.state.kill_line(), 1000_MiB - share_of(1000_MiB, Permille{10}));
}

TEST(step_limit, it_trips_below_the_limit_that_binds) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600).pass(1s);
    below(story, 890, 110).pass(1s);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    below(story, 901, 99);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
    const Event* event = story.event(EventType::kOomNear);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->bound_level, 1);
    EXPECT_EQ(event->limit, 1000_MiB);
    EXPECT_EQ(event->reason.threshold, Quantity::of(900_MiB));
}

TEST(step_limit, others_that_use_up_the_limit_lower_it) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600).pass(1s);
    below(story, 400, 30);
    EXPECT_EQ(story.phase(), Phase::kSignalling) << "nothing of its own grew";
}

TEST(step_limit, the_own_limit_binds_again_when_the_other_is_raised) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600).pass(1s);
    story.sample.headroom_above = kUnlimited;
    story.sample.bound_level = 0;
    story.heap(400);
    ASSERT_TRUE(story.did<SetTripwire>());
    EXPECT_EQ(story.find<SetTripwire>()->value, Story::kTripwire);
    EXPECT_EQ(story.result.state.limit, Story::kHard);
}

TEST(step_limit, small_moves_do_not_write_the_tripwire) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600);
    story.told.clear();
    for (std::uint64_t i = 0; i < 9; ++i) below(story.pass(1s), 400, 600 + i);
    EXPECT_EQ(story.times<SetTripwire>(), 0);
    below(story.pass(1s), 400, 640);
    EXPECT_EQ(story.times<SetTripwire>(), 1);
}

TEST(step_limit, a_container_without_a_limit_of_its_own_is_guarded_below_a_slice) {
    Story story(graceful_policy());
    story.feed(Armed{.grace = 20s});
    below(story, 400, 600).pass(1s);
    EXPECT_EQ(story.result.state.tripwire, 900_MiB);
    below(story, 950, 50);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
}

TEST(step_limit, a_size_in_bytes_keeps_its_proportion) {
    auto policy = graceful_policy();
    policy.near_oom->when.terms = {
        Term{.measure = Measure::kUnreclaimable, .size = Size{.bytes = 1536_MiB, .share = {}}}};
    auto story = Story::begun(policy);
    below(story, 400, 600).pass(1s);
    below(story, 740, 260).pass(1s);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    below(story, 760, 240);
    EXPECT_EQ(story.phase(), Phase::kSignalling) << "1.5 of 2 GiB are 75 %";
}

TEST(step_limit, the_drain_ends_at_the_kill_line_of_the_limit_that_binds) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600).pass(1s);
    below(story, 905, 95).feed(SignalPending{});
    EXPECT_EQ(story.find<SetTripwire>()->value, story.result.state.kill_line());
    below(story.pass(20ms), 991, 9);
    EXPECT_EQ(story.times<KillWhole>(), 1);
}

TEST(step_limit, a_forecast_is_to_the_limit_that_binds) {
    auto story = Story::begun(graceful_policy());
    for (std::uint64_t i = 0; i < 20; ++i) below(story.pass(1s), 400 + 10 * i, 600 - 10 * i);
    const auto eta = std::chrono::duration<double>(forecast(story.result.state)).count();
    EXPECT_NEAR(eta, 41, 5) << "410 MiB at 10 MiB/s";
}

TEST(step_limit, on_a_shared_limit_the_choice_is_left_to_the_caller) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600, true).pass(1s);
    EXPECT_FALSE(story.result.state.near_shared_limit);
    below(story, 905, 95, true);
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_TRUE(story.result.state.near_shared_limit);
    below(story.pass(1s), 500, 300, true);
    EXPECT_FALSE(story.result.state.near_shared_limit);
}

TEST(step_limit, at_the_kill_line_there_is_no_choice) {
    auto story = Story::begun(graceful_policy());
    below(story, 400, 600, true).pass(1s);
    below(story, 995, 5, true);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
}

TEST(step_limit, a_glance_is_not_enough_below_a_limit_that_others_use_too) {
    auto story = Story::begun(graceful_policy());
    below(story, 100, 1500);
    EXPECT_FALSE(glance_will_do(story.policy, story.result.state, 100_MiB, story.now + 5s));
}

TEST(step_limit, swappable_memory_is_no_page_cache) {
    auto story = Story::begun(graceful_policy());
    story.sample.unreclaimable = 100_MiB;
    story.sample.current = 1850_MiB;
    story.sample.clean_cache = {};
    story.sample.hard = Story::kHard;
    story.pass(1s).feed(Sampled{story.sample, true});
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 0);
    EXPECT_EQ(story.times<SetTripwire>(), 0);
}

TEST(step_limit, dirty_pages_keep_the_tripwire_that_slows_the_writer) {
    // A download to an NFS volume: 35 MiB of its own, the rest waits for the server. Lifting the tripwire
    // lets it run into its hard limit faster than the pages are written.
    auto story = Story::begun(graceful_policy());
    story.sample.unreclaimable = 35_MiB;
    story.sample.current = 1850_MiB;
    story.sample.clean_cache = 15_MiB;
    story.sample.unwritten = 1800_MiB;
    story.sample.writeback = 300_MiB;
    story.sample.hard = Story::kHard;
    story.pass(1s).feed(Sampled{story.sample, true});
    EXPECT_EQ(story.times<SetTripwire>(), 0);
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 0);
    // A fifth of it clean changes nothing; once most of it is, it is a healthy cache.
    story.sample.clean_cache = 400_MiB;
    story.sample.unwritten = 1400_MiB;
    story.pass(1s).feed(Sampled{story.sample, true});
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 0);
    story.sample.clean_cache = 1500_MiB;
    story.sample.unwritten = 300_MiB;
    story.pass(1s).feed(Sampled{story.sample, true});
    EXPECT_EQ(story.times(EventType::kPageCacheChurn), 1);
}

TEST(step_limit, what_waits_to_be_written_is_sampled_often_when_it_would_fill_the_container) {
    auto story = Story::begun(graceful_policy());
    story.sample.unwritten = 900_MiB;
    story.sample.writeback = 300_MiB;
    story.heap(1000, 50);
    EXPECT_LE(sample_pace(story.policy, story.result.state), 250ms);
    story.sample.unwritten = 90_MiB;
    story.heap(1000, 50);
    EXPECT_GT(sample_pace(story.policy, story.result.state), 250ms);
}

/// So many looks, 300 ms apart, at dirty pages of which `writeback(i)` MiB are being written.
template <class Writeback>
Story& looks(Story& story, int count, Writeback writeback) {
    for (int i = 0; i < count; ++i) {
        story.sample.unwritten = 500_MiB;
        story.sample.writeback = {static_cast<std::uint64_t>(writeback(i)) << 20U};
        story.pass(300ms).heap(1500, 540);
    }
    return story;
}

TEST(step_limit, pages_that_a_stuck_disk_does_not_take_are_unreclaimable) {
    auto story = Story::begun(graceful_policy());
    looks(story, 6, [](int) { return 50; });
    EXPECT_EQ(story.phase(), Phase::kWatching);
    looks(story, 6, [](int) { return 50; });
    EXPECT_EQ(story.phase(), Phase::kSignalling) << "1500 + 500 MiB of 2 GiB";
}

TEST(step_limit, what_a_stuck_disk_holds_at_its_tripwire_is_near) {
    // Seen on a real kernel: 83 MB of anonymous memory and 94 MB under writeback in 201 MB, with 10 MB of
    // slab (the buffer heads of these pages) between them and the threshold; memory.high throttles to a halt
    // there.
    auto story = Story::begun(graceful_policy());
    const auto held = [&story](std::uint64_t writeback, Bytes clean_cache) {
        story.sample.unreclaimable = 830_MiB;
        story.sample.current = 1850_MiB;
        story.sample.unwritten = 900_MiB;
        story.sample.writeback = {writeback << 20U};
        story.sample.clean_cache = clean_cache;
        story.sample.hard = Story::kHard;
        story.sample.tripwire = Story::kTripwire;
        story.sample.high_events += 50;
        story.pass(300ms).feed(Sampled{story.sample, false});
    };
    for (std::uint64_t i = 0; i < 20; ++i) held(900 - i % 2, 110_MiB);
    EXPECT_EQ(story.phase(), Phase::kWatching) << "a disk that writes";
    for (int i = 0; i < 12; ++i) held(800, 1000_MiB);
    EXPECT_EQ(story.phase(), Phase::kWatching) << "reclaim has clean pages to drop";
    held(800, 110_MiB);
    EXPECT_EQ(story.phase(), Phase::kSignalling);
}

TEST(step_limit, a_disk_that_writes_is_left_alone) {
    auto story = Story::begun(graceful_policy());
    looks(story, 300, [](int i) { return 50 + (i * 7919) % 13; });
    EXPECT_EQ(story.phase(), Phase::kWatching);
    EXPECT_FALSE(story.result.state.writeback_stuck);
}

TEST(step_limit, one_page_less_under_writeback_ends_the_suspicion) {
    auto story = Story::begun(graceful_policy());
    looks(story, 7, [](int) { return 50; });
    looks(story, 1, [](int) { return 49; });
    looks(story, 7, [](int) { return 49; });
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

}  // namespace
}  // namespace policies
