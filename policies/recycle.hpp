// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/holders.hpp"
#include "policies/step.hpp"

namespace policies {

/// Why the survey's candidate would not be recycled in this state; kNone: it would be. For a policy whose
/// near_oom is `recycle` or `auto`.
Rule why_not_recycled(const ServicePolicy& policy, const State& state, const Survey& survey);

}  // namespace policies
