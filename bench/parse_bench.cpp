// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/parse.hpp"
#include "tests/support/kernel_texts.hpp"

#include <benchmark/benchmark.h>

namespace {

template <class Parse>
void parse(benchmark::State& state, std::string_view text, Parse how) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(text);
        auto value = how(text);
        benchmark::DoNotOptimize(value);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) *
                            static_cast<std::int64_t>(state.iterations()));
}

void parse_memory_events(benchmark::State& state) {
    parse(state, kernel_texts::kMemoryEvents, cgroups::parse_memory_events);
}
void parse_memory_stat(benchmark::State& state) {
    parse(state, kernel_texts::kMemoryStat, cgroups::parse_memory_stat);
}
void parse_pressure(benchmark::State& state) {
    parse(state, kernel_texts::kPressure, cgroups::parse_pressure);
}
void parse_signal_status(benchmark::State& state) {
    parse(state, kernel_texts::kStatus, cgroups::parse_signal_status);
}
BENCHMARK(parse_memory_events);
BENCHMARK(parse_memory_stat);
BENCHMARK(parse_pressure);
BENCHMARK(parse_signal_status);

}  // namespace
