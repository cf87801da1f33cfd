// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/allocations.hpp"
#include "bench/micro/hot.hpp"

#include <benchmark/benchmark.h>

// Times the hot functions. In batches, so that the call through the list is not measured with them.
namespace {

constexpr std::size_t kBatch = 16;

void measure(benchmark::State& state, micro::Hot& hot) {
    hot.run(kBatch);
    const std::uint64_t before = micro::allocations();
    while (state.KeepRunningBatch(kBatch)) hot.run(kBatch);
    state.counters["allocs"] = benchmark::Counter(static_cast<double>(micro::allocations() - before),
                                                  benchmark::Counter::kAvgIterations);
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    auto list = micro::hot_functions();
    for (micro::Hot& hot : list)
        benchmark::RegisterBenchmark(hot.name.c_str(),
                                     [&hot](benchmark::State& state) { measure(state, hot); });
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
