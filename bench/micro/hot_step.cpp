// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "tests/support/stepper.hpp"

// One decision for one input. The price of a sample is the kernel's files; the decision must not be seen
// beside it.
namespace micro {
namespace {

using namespace policies;
using namespace std::chrono_literals;

/// The same sample again and again, as the daemon feeds it: the state is carried over.
Hot samples(std::string name, const Story& story, bool tripped = false) {
    return hot(std::move(name), Memory::kNever,
               [policy = story.policy, state = story.result.state, now = story.now, sample = story.sample,
                tripped]() mutable {
                   now += 20ms;
                   state = step(policy, state, Input{now, Sampled{sample, tripped}}).state;
                   keep(state);
               });
}

/// The same input into the same state: what happens once.
Hot once(std::string name, const Story& story, const Input& input, Memory memory = Memory::kNever) {
    return hot(std::move(name), memory, [policy = story.policy, state = story.result.state, input] {
        keep(step(policy, state, input));
    });
}

Story near() {
    Story story = Story::begun(graceful_policy());
    story.pass(1s).heap(1830);
    return story;
}
Story at_the_brake() {
    Story story = Story::begun(graceful_policy());
    story.crossed(1900).feed(Frozen{});
    return story;
}
Story draining() {
    Story story = Story::begun(graceful_policy());
    story.crossed(1900).feed(SignalPending{}).heap(1950);
    return story;
}
/// Page cache has crossed the tripwire: it is lifted.
Story relaxed() {
    Story story = Story::begun(graceful_policy());
    story.pass(1s).heap(400, 1500, true);
    return story;
}
/// Near its limit again, sooner than it may be restarted.
Story backing_off() {
    Story story = Story::begun(graceful_policy());
    story.leaks_and_restarts().crossed(1850);
    return story;
}
Story quarantined() {
    ServicePolicy policy = graceful_policy();
    policy.restart.breaker.restarts = 1;
    Story story = Story::begun(policy);
    story.leaks_and_restarts().crossed(1850);
    return story;
}
/// A policy with a condition of every kind, and a warn call that waits for its time.
Story with_conditions() {
    ServicePolicy policy = graceful_policy();
    policy.near_oom->when.terms = {{.measure = Measure::kUnreclaimable, .size = percent(90)},
                                   {.measure = Measure::kCurrent, .size = percent(99)},
                                   {.measure = Measure::kEta, .duration = 1s},
                                   {.measure = Measure::kPressureFull, .pressure = Permille{500}}};
    policy.near_oom->warn.emplace().when = {
        .all = true,
        .terms = {{.measure = Measure::kUnreclaimable, .size = percent(75)},
                  {.measure = Measure::kEta, .duration = 30s}}};
    return Story::begun(policy);
}

}  // namespace

void add_stepping(HotList& list) {
    list.push_back(samples("step_idle", Story::begun(graceful_policy())));
    list.push_back(samples("step_conditions", with_conditions()));
    list.push_back(samples("step_near_the_tripwire", near(), true));
    list.push_back(samples("step_relaxed", relaxed(), true));
    list.push_back(samples("step_at_the_brake", at_the_brake()));
    list.push_back(samples("step_draining", draining()));
    list.push_back(samples("step_backing_off", backing_off()));
    list.push_back(samples("step_quarantined", quarantined()));

    Story story = Story::begun(graceful_policy());
    story.pass(1s);
    list.push_back(once("step_tick", story, {story.now, Tick{}}));
    Sample high = story.sample;
    high.current = high.unreclaimable = 1900_MiB;
    list.push_back(
        once("step_trip", story, {story.now, Sampled{high, true}}, Memory::kMay));  // notes the restart
    const Story braked = at_the_brake();
    list.push_back(once("step_signal_pending", braked, {braked.now + 5ms, SignalPending{}}));
    const Story ending = draining();
    list.push_back(once("step_exited", ending, {ending.now + 1s, Exited{0, 0, {}}}));
}

}  // namespace micro
