// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/result.hpp"
#include "policies/ledger.hpp"
#include "policies/policy.hpp"

#include <string>

namespace governor {

/// MemTotal of `<proc>/meminfo`. Blocking, but the kernel answers at once.
cgroups::Result<policies::Bytes> read_host_memory(const std::string& proc);

/// Why this host cannot keep what the policy promises, with the numbers; empty when it can. For the start and
/// for a reload: such a policy is not used. A host whose memory is not known (0) refuses nothing.
std::string refuse_by_ledger(const policies::Policy& policy, policies::Bytes host_memory);

}  // namespace governor
