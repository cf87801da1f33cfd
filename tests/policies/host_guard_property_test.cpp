// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host_story.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

// A host whose memory goes up and down in all its parts, whose candidates come and go, and whose governor is
// called early and late: what must hold whatever happens.
namespace policies {
namespace {

using namespace std::chrono_literals;

constexpr int kHosts = 3000;
constexpr int kLooks = 150;

class Weather {
  public:
    explicit Weather(unsigned seed) : random_(seed) {
        if (at_random(8)) story_.policy.keep_free.reset();
        if (at_random(8) && story_.policy.keep_free) story_.policy.pressure.reset();
        if (at_random(4)) story_.policy.keep_free = percent(static_cast<int>(1 + below(60)));
    }

    void next() {
        before_ = story_.said.state;
        change_memory();
        change_candidates();
        story_.pressure_fired = at_random(5);
        story_.victim_done = at_random(6);
        story_.now += at_random(3) ? milliseconds(below(70'000)) : milliseconds(below(3000));
        input_ = story_.input();
        story_.look();
        check();
    }

    int given_way = 0;
    int elsewhere = 0;
    int eased = 0;

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    Bytes some(Bytes limit) { return {below(limit.value)}; }
    bool at_random(unsigned one_in) { return below(one_in) == 0; }

    void change_memory() {
        for (Bytes* part : {&story_.governed, &story_.ungoverned, &story_.outside}) {
            if (at_random(3)) *part = *part + some(1_GiB);
            if (at_random(4)) *part = *part - some(3_GiB);
        }
        // Nobody can hold what is not there.
        story_.governed = std::min(story_.governed, story_.total);
        story_.ungoverned = std::min(story_.ungoverned, story_.total - story_.governed);
        story_.outside = std::min(story_.outside, story_.total - story_.governed - story_.ungoverned);
    }

    void change_candidates() {
        story_.candidates.clear();
        for (std::size_t i = 0; i < below(6); ++i) {
            story_.candidates.push_back({.index = 10 + i,
                                         .priority = static_cast<int>(below(4)),
                                         .unreclaimable = some(2_GiB),
                                         .ready = !at_random(3)});
        }
    }

    const HostCandidate* chosen() const {
        const auto found = std::ranges::find(story_.candidates, *story_.said.give_way, &HostCandidate::index);
        return found == story_.candidates.end() ? nullptr : &*found;
    }

    void check() {
        const auto& said = story_.said;
        if (said.give_way) check_victim();
        const bool is_elsewhere =
            said.culprit == Culprit::kUngoverned || said.culprit == Culprit::kOutsideDocker;
        ASSERT_FALSE(is_elsewhere && (said.give_way || said.nobody_left));
        ASSERT_FALSE(said.tell_short && said.tell_ease);
        ASSERT_FALSE(said.nobody_left && !said.tell_short);
        // An edge is told, and nothing is told over that was not told as begun.
        ASSERT_TRUE(before_.is_short || !said.state.is_short || said.tell_short);
        ASSERT_EQ(said.tell_ease, before_.is_short && !said.state.is_short);
        const bool told = said.tell_short || said.tell_ease || said.give_way;
        ASSERT_TRUE(!told || said.reason.rule != Rule::kNone) << "whatever is told has its reason";
        ASSERT_GT(said.sample_at, story_.now);
        ASSERT_LE(said.sample_at, story_.now + 5s);
        ASSERT_EQ(guard_host(story_.policy, before_, input_).state, said.state) << "the same again";
        given_way += said.give_way ? 1 : 0;
        elsewhere += is_elsewhere && said.tell_short ? 1 : 0;
        eased += said.tell_ease ? 1 : 0;
    }

    void check_victim() {
        const auto& said = story_.said;
        ASSERT_NE(chosen(), nullptr) << "nobody who was not offered";
        ASSERT_TRUE(chosen()->ready);
        ASSERT_GE(chosen()->unreclaimable, share_of(story_.total, Permille{10}));
        for (const auto& other : story_.candidates) {
            const bool could = other.ready && other.unreclaimable >= share_of(story_.total, Permille{10});
            ASSERT_TRUE(!could || chosen()->priority <= other.priority);
        }
        ASSERT_TRUE(said.state.is_short);
        ASSERT_FALSE(before_.victim) << "one at a time, and never in the look in which the last one ended";
        ASSERT_GE(story_.now, before_.quiet_until);
        ASSERT_EQ(said.state.victim, said.give_way);
    }

    std::mt19937_64 random_;
    HostStory story_;
    HostState before_;
    HostInput input_;
};

TEST(HostGuardProperty, HoldsInAnyWeather) {
    int given_way = 0;
    int elsewhere = 0;
    int eased = 0;
    for (unsigned seed = 0; seed < kHosts && !::testing::Test::HasFailure(); ++seed) {
        Weather weather(seed);
        for (int i = 0; i < kLooks && !::testing::Test::HasFailure(); ++i) weather.next();
        EXPECT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
        given_way += weather.given_way;
        elsewhere += weather.elsewhere;
        eased += weather.eased;
    }
    // A run in which these never come would have tested nothing.
    EXPECT_GT(given_way, 1000);
    EXPECT_GT(elsewhere, 1000);
    EXPECT_GT(eased, 1000);
}

TEST(HostGuardProperty, AShortHostWithSomebodyReadyIsHelpedWithinTheTimeOfATurn) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        HostStory story;
        story.candidates = {{.index = 0, .priority = 10, .unreclaimable = 1_GiB, .ready = true},
                            {.index = 1, .priority = 10, .unreclaimable = 1_GiB, .ready = true}};
        story.grow_governed();
        Duration since{0};
        for (int i = 0; i < 300; ++i) {
            const auto step = milliseconds(100 + random() % 2000);
            since += step;
            story.victim_done = random() % 50 == 0;
            if (story.look(step).give_way) since = Duration{0};
            // A turn, the quiet after it, and two steps that came late.
            ASSERT_LE(since, 60s + 5s + 5s) << seed;
        }
    }
}

}  // namespace
}  // namespace policies
