// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/shared_limit.hpp"

#include <limits>

namespace policies {
namespace {

constexpr Permille kWorthwhile{100};

bool before(const BelowLimit& a, const BelowLimit& b) {
    const int first = a.priority.value_or(std::numeric_limits<int>::max());
    const int second = b.priority.value_or(std::numeric_limits<int>::max());
    if (first != second) return first < second;
    if (a.growth != b.growth) return a.growth > b.growth;
    if (a.unreclaimable != b.unreclaimable) return a.unreclaimable > b.unreclaimable;
    return a.index < b.index;
}

}  // namespace

GivingWay choose_below(Bytes limit, std::span<const BelowLimit> containers) {
    const BelowLimit* chosen = nullptr;
    for (const BelowLimit& each : containers) {
        const bool worthwhile = each.unreclaimable >= share_of(limit, kWorthwhile);
        if (each.leaving && worthwhile) return {GivingWay::What::kWait, each.index};
        if (!each.ready || !worthwhile) continue;
        if (chosen == nullptr || before(each, *chosen)) chosen = &each;
    }
    if (chosen == nullptr) return {};
    return {GivingWay::What::kOne, chosen->index};
}

bool is_leaving(const State& state) {
    switch (state.phase) {
        case Phase::kSurveying:
        case Phase::kRecycling:
        case Phase::kDrainHook:
        case Phase::kSignalling:
        case Phase::kDraining:
        case Phase::kLeftAlone:
            return true;
        default:
            return false;
    }
}

}  // namespace policies
