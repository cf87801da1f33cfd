// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/step.hpp"

/// How often to look. Nearness to the limit sets the pace, not the number of containers.
namespace policies {

/// Far from its limit a container's files are read this often, and no sooner.
inline constexpr Duration kIdlePace = std::chrono::seconds(5);

/// Time until the next sample is wanted; Duration::max() for none.
Duration sample_pace(const ServicePolicy& policy, const State& state);

/// For how long notifications of memory.events may be left unread.
Duration event_pace(const ServicePolicy& policy, const State& state);

}  // namespace policies
