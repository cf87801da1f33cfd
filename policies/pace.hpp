// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/step.hpp"

/// How often to look. Nearness to the limit sets the pace, not the number of containers.
namespace policies {

/// Far from its limit a container's files are read this often, and no sooner.
inline constexpr Duration kIdlePace = std::chrono::seconds(5);
/// One that stands still there is looked at less and less often, down to every kIdlePace * (1 + kMostStill).
inline constexpr std::uint8_t kMostStill = 3;
/// And by memory.current alone, but for one whole sample in this time: it shows what else may have changed.
inline constexpr Duration kOldestSample = std::chrono::seconds(30);

/// Time until the next sample is wanted; Duration::max() for none.
Duration sample_pace(const ServicePolicy& policy, const State& state);

/// Whether `sample` shows a container that is far from everything that its policy acts on, and is as it was
/// at the last sample.
bool is_still(const ServicePolicy& policy, const State& state, const Sample& sample);

/// Whether memory.current tells enough this time, and no sample is needed: it bounds what is unreclaimable.
bool glance_will_do(const ServicePolicy& policy, const State& state, Bytes current, TimePoint now);

/// For how long notifications of memory.events may be left unread.
Duration event_pace(const ServicePolicy& policy, const State& state);

}  // namespace policies
