// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/result.hpp"
#include "policies/ledger.hpp"
#include "policies/policy.hpp"

#include <string>

namespace governor {

/// The host's memory that containers can have (cgroups::usable_memory): the base of every percentage of host
/// memory and of the ledger. Blocking, some microseconds.
cgroups::Result<policies::Bytes> read_host_memory(const std::string& proc, const std::string& sys = "/sys");

/// Why this host cannot keep what the policy promises, with the numbers; empty when it can. For the start and
/// for a reload: such a policy is not used. A host whose memory is not known (0) refuses nothing.
std::string refuse_by_ledger(const policies::Policy& policy, policies::Bytes host_memory);

}  // namespace governor
