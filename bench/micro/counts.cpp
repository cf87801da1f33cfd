// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/allocations.hpp"
#include "bench/micro/hot.hpp"

#include <alloca.h>
#include <gnu/libc-version.h>
#include <valgrind/callgrind.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>

// Counts what a hot function does, where counts are the same each time: allocations, and under callgrind
// instructions. Run by itself it fails when one allocates that must not (a ctest); `instructions` reads the
// rest.
namespace {

/// Queues and caches have found their size by then.
constexpr std::size_t kWarmUp = 64;

/// Of one round, exactly: what a run costs as such is in both runs, and falls out.
double allocations_of(const micro::Hot& hot) {
    const std::uint64_t begin = micro::allocations();
    hot.run(hot.rounds);
    const std::uint64_t middle = micro::allocations();
    hot.run(2 * hot.rounds);
    const std::uint64_t end = micro::allocations();
    const auto more = static_cast<double>((end - middle) - (middle - begin));
    return more / static_cast<double>(hot.rounds);
}

/// Callgrind writes what was collected into a file that has the function's name in it, and begins anew.
void count_instructions(const micro::Hot& hot) {
    CALLGRIND_TOGGLE_COLLECT;
    hot.run(hot.rounds);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(hot.name.c_str());
}

/// All of them, and whether those that must not allocate do not.
[[gnu::noinline]] bool count_all(bool instructions, nlohmann::json& functions) {
    bool good = true;
    for (const micro::Hot& hot : micro::hot_functions()) {
        hot.run(std::min(kWarmUp, hot.rounds));
        const double allocations = allocations_of(hot);
        if (instructions) count_instructions(hot);
        functions.push_back({{"name", hot.name}, {"rounds", hot.rounds}, {"allocations", allocations}});
        if (hot.memory == micro::Memory::kMay || allocations <= 0) continue;
        good = false;
        std::fprintf(stderr,
                     "%s must not allocate, and does so %.2f times each round: a breakpoint on malloc in "
                     "bench_counts tells where.\n",
                     hot.name.c_str(), allocations);
    }
    return good;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 2 || (argc == 2 && std::string_view(argv[1]) != "--allocations")) {
        std::fputs(
            "Usage: bench_counts [--allocations]\n"
            "Prints what a round of each hot function allocates, as JSON. Under callgrind its instructions\n"
            "are dumped too. Fails when one allocates that must not.\n",
            stderr);
        return 2;
    }
    // The stack begins below the environment, wherever that ends: move on to a page's border, for the same
    // reason as micro::Text does.
    auto* const unused = alloca(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 4096);
    micro::keep(unused);
    nlohmann::json functions = nlohmann::json::array();
    const bool good = count_all(argc == 1, functions);
    const nlohmann::json out{{"compiler", __VERSION__},
                             {"flags", BENCH_FLAGS},
                             {"libc", ::gnu_get_libc_version()},
                             {"functions", functions}};
    std::puts(out.dump().c_str());
    return good ? 0 : 1;
}
