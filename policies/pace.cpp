// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/pace.hpp"

#include <algorithm>

namespace policies {
namespace {

using namespace std::chrono_literals;

/// Nothing that a container does fills memory faster than this (page faults of several threads on one
/// socket).
constexpr double kFastestGrowth = 4.0 * 1024 * 1024 * 1024;

Duration seconds_to_duration(double seconds) {
    constexpr double kLongest = 1e9;
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::clamp(seconds, 0.0, kLongest)));
}

/// Where the next decision lies: the lowest size of the near-OOM condition, or the tripwire.
Bytes next_threshold(const ServicePolicy& policy, const State& state) {
    Bytes lowest = state.tripwire;
    if (policy.near_oom) {
        for (const Term& term : policy.near_oom->when.terms)
            if (term.measure == Measure::kUnreclaimable || term.measure == Measure::kCurrent)
                lowest = std::min(lowest, term.size.of(state.hard));
    }
    return lowest;
}

Duration watching_pace(const ServicePolicy& policy, const State& state) {
    if (!policy.near_oom || state.hard == kUnlimited) return kIdlePace;
    Duration pace = kIdlePace;
    const Bytes used = state.last.unreclaimable;
    if (used >= share_of(state.hard, Permille{850})) {
        pace = 500ms;
    } else if (used >= share_of(state.hard, Permille{750})) {
        pace = 1s;
    }
    // The tripwire no longer guards the whole way, so look more often.
    if (state.relaxed) pace = std::min<Duration>(pace, 250ms);
    // A growth below 64 KiB/s is noise; its ETA would only wake us for nothing.
    if (state.growth > 65536) {
        const Bytes gap = next_threshold(policy, state) - used;
        const Duration quarter = seconds_to_duration(static_cast<double>(gap.value) / state.growth / 4);
        pace = std::min(pace, std::max<Duration>(quarter, 50ms));
    }
    return pace;
}

}  // namespace

Duration sample_pace(const ServicePolicy& policy, const State& state) {
    switch (state.phase) {
        case Phase::kWatching:
            return state.has_sample ? watching_pace(policy, state) : Duration{0};
        case Phase::kDraining:
            return state.killed ? Duration::max() : Duration(20ms);
        case Phase::kBackingOff:
        case Phase::kQuarantined:
            return state.frozen ? kIdlePace : Duration(100ms);
        case Phase::kSignalling:
            return state.frozen ? Duration::max() : Duration(20ms);
        case Phase::kUnarmed:
        case Phase::kExited:
        case Phase::kLeftAlone:
        case Phase::kPaused:
            break;
    }
    return Duration::max();
}

Duration event_pace(const ServicePolicy& policy, const State& state) {
    switch (state.phase) {
        case Phase::kWatching: {
            if (!policy.near_oom || state.hard == kUnlimited) return kIdlePace;
            const Bytes gap = next_threshold(policy, state) - state.last.unreclaimable;
            return std::clamp<Duration>(seconds_to_duration(static_cast<double>(gap.value) / kFastestGrowth),
                                        0ms, 1s);
        }
        case Phase::kDraining:
            return 2ms;
        default:
            return 100ms;
    }
}

}  // namespace policies
