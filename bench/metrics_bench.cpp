// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/snapshot.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <string>

// One scrape. It is written on the loop's thread: for so long no brake can begin.
namespace {

using namespace governor::metrics;
using namespace std::chrono_literals;
using policies::operator""_MiB;

constexpr std::array<policies::Duration, 2> kBounds{1ms, 1s};

void scrape(benchmark::State& state) {
    Registry registry;
    const Histogram lag(kBounds);
    Snapshot snapshot;
    snapshot.registry = &registry;
    snapshot.loop_lag = &lag;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        const std::string service = "service-" + std::to_string(i);
        ContainerView view;
        view.labels.with("project", "jobmate").with("service", service);
        view.labels.with("container", "jobmate-" + service + "-1").with("policy", "worker");
        view.sample.emplace();
        view.sample->current = view.sample->unreclaimable = 1450_MiB;
        view.sample->hard = 2048_MiB;
        view.sample->tripwire = 1843_MiB;
        view.oom_in = 190s;
        view.phase = policies::Phase::kWatching;
        view.has_trigger = view.acts = true;
        view.counts = &registry.container(service);
        snapshot.containers.push_back(std::move(view));
    }
    std::size_t bytes = 0;
    for (auto _ : state) {
        const std::string text = render(snapshot);
        bytes = text.size();
        benchmark::DoNotOptimize(text.data());
    }
    state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(scrape)->Arg(10)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
