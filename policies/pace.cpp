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

/// A growth below 64 KiB/s is noise; its ETA would only wake us for nothing.
constexpr double kNoise = 65536;

/// Of the hard limit, and of the lowest size that the policy names: nearer is not far.
constexpr Permille kFarFromLimit{500};
constexpr Permille kFarFromThreshold{670};

Duration seconds_to_duration(double seconds) {
    constexpr double kLongest = 1e9;
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(std::clamp(seconds, 0.0, kLongest)));
}

Duration still_pace(const State& state) {
    return kIdlePace * (1 + state.still);
}

bool names_pressure(const Condition& condition) {
    return std::any_of(condition.terms.begin(), condition.terms.end(), [](const Term& term) {
        return term.measure == Measure::kPressureSome || term.measure == Measure::kPressureFull;
    });
}

Bytes lowest_size(const Condition& condition, const State& state, Bytes lowest) {
    for (const Term& term : condition.terms)
        if (term.measure == Measure::kUnreclaimable || term.measure == Measure::kCurrent)
            lowest = std::min(lowest, state.threshold(term.size));
    return lowest;
}

/// Where the next decision lies: the lowest size of the near-OOM condition, or the tripwire.
Bytes next_threshold(const ServicePolicy& policy, const State& state) {
    return policy.near_oom ? lowest_size(policy.near_oom->when, state, state.tripwire) : state.tripwire;
}

/// What stays below it can wait for the next look.
bool is_far(const ServicePolicy& policy, const State& state, Bytes used) {
    if (!policy.near_oom || state.limit == kUnlimited) return true;
    const NearOom& near = *policy.near_oom;
    // Pressure comes without growth, and its average tells of it only later.
    if (names_pressure(near.when) || (near.warn && names_pressure(near.warn->when))) return false;
    Bytes lowest = lowest_size(near.when, state, state.tripwire);
    if (near.warn) lowest = lowest_size(near.warn->when, state, lowest);
    return used < std::min(share_of(state.limit, kFarFromLimit), share_of(lowest, kFarFromThreshold));
}

/// A change that is worth a closer look.
bool moved(const State& state, Bytes before, Bytes after) {
    constexpr std::uint64_t kLeast = 1U << 20U;
    const std::uint64_t slack =
        state.limit == kUnlimited ? before.value / 32 + kLeast : state.limit.value / 64;
    return std::max(before, after).value - std::min(before, after).value > slack;
}

Duration watching_pace(const ServicePolicy& policy, const State& state) {
    if (!policy.near_oom || state.limit == kUnlimited) return still_pace(state);
    Duration pace = still_pace(state);
    const Bytes used = state.last.unreclaimable;
    if (used >= share_of(state.limit, Permille{850})) {
        pace = 500ms;
    } else if (used >= share_of(state.limit, Permille{750})) {
        pace = 1s;
    }
    // Whether the disk takes what waits to be written shows within 2 s only when it is sampled often.
    if (state.last.writeback != Bytes{} && used + state.last.unwritten >= next_threshold(policy, state))
        pace = std::min<Duration>(pace, 250ms);
    // A loan is paid back as soon as it can be, which a sample decides.
    if (state.loan_from != kUnlimited) pace = std::min<Duration>(pace, 1s);
    // The tripwire no longer guards the whole way, so look more often.
    if (state.relaxed) pace = std::min<Duration>(pace, 250ms);
    if (state.growth > kNoise) {
        const Bytes gap = next_threshold(policy, state) - used;
        const Duration quarter = seconds_to_duration(static_cast<double>(gap.value) / state.growth / 4);
        pace = std::min(pace, std::max<Duration>(quarter, 50ms));
    }
    return pace;
}

}  // namespace

bool is_still(const ServicePolicy& policy, const State& state, const Sample& sample) {
    return is_far(policy, state, sample.unreclaimable) &&
           !moved(state, state.last.unreclaimable, sample.unreclaimable);
}

bool glance_will_do(const ServicePolicy& policy, const State& state, Bytes current, TimePoint now) {
    if (state.phase != Phase::kWatching || !state.has_sample || state.relaxed) return false;
    if (state.loan_from != kUnlimited) return false;
    if (now >= state.last_at + kOldestSample || state.growth > kNoise) return false;
    // A limit above is used up by others as well, and pages that wait to be written show in memory.stat only.
    if (state.bound_level != 0 || state.writeback_looks != 0) return false;
    return is_far(policy, state, current) && !moved(state, state.last.current, current);
}

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
        case Phase::kSurveying:
        case Phase::kBorrowing:
            return state.frozen ? Duration::max() : Duration(20ms);
        case Phase::kRecycling:
        case Phase::kDrainHook:
            return Duration(20ms);
        case Phase::kHeld:
            return kIdlePace;
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
            if (!policy.near_oom || state.limit == kUnlimited) return kIdlePace;
            const Bytes gap = next_threshold(policy, state) - state.last.unreclaimable;
            return std::clamp<Duration>(seconds_to_duration(static_cast<double>(gap.value) / kFastestGrowth),
                                        0ms, 1s);
        }
        case Phase::kDraining:
        case Phase::kRecycling:
        case Phase::kDrainHook:
            return 2ms;
        default:
            return 100ms;
    }
}

}  // namespace policies
