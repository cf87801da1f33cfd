// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <benchmark/benchmark.h>

// One decision for one sample. The price of a sample is the kernel's files; the decision must not be seen
// beside it.
namespace {

using namespace policies;
using namespace std::chrono_literals;

/// Feeds the same sample again and again, as the daemon does: the state is carried over.
void samples(benchmark::State& state, const Story& story, bool tripped) {
    State carried = story.result.state;
    TimePoint now = story.now;
    for (auto _ : state) {
        now += 20ms;
        const StepResult result = step(story.policy, carried, Input{now, Sampled{story.sample, tripped}});
        carried = result.state;
        benchmark::DoNotOptimize(carried);
    }
}

void step_idle(benchmark::State& state) {
    samples(state, Story::begun(graceful_policy()), false);
}

void step_near_the_tripwire(benchmark::State& state) {
    auto story = Story::begun(graceful_policy());
    story.pass(1s).heap(1830);
    samples(state, story, true);
}

void step_draining(benchmark::State& state) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(SignalPending{}).heap(1950);
    samples(state, story, false);
}

void step_trip(benchmark::State& state) {
    auto story = Story::begun(graceful_policy());
    story.pass(1s);
    story.sample.current = story.sample.unreclaimable = 1900_MiB;
    for (auto _ : state) {
        auto result = step(story.policy, story.result.state, Input{story.now, Sampled{story.sample, true}});
        benchmark::DoNotOptimize(result);
    }
}
BENCHMARK(step_idle);
BENCHMARK(step_near_the_tripwire);
BENCHMARK(step_draining);
BENCHMARK(step_trip);

}  // namespace
