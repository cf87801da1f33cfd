// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/host_ledger.hpp"

#include "cgroup/host_swap.hpp"

namespace governor {

cgroups::Result<policies::Bytes> read_host_memory(const std::string& proc, const std::string& sys) {
    const auto usable = cgroups::usable_memory(proc, sys);
    if (!usable) return tl::make_unexpected(usable.error());
    return policies::Bytes{usable->value};
}

std::string refuse_by_ledger(const policies::Policy& policy, policies::Bytes host_memory) {
    if (host_memory == policies::Bytes{}) return {};
    const auto ledger = policies::add_up(policy, host_memory);
    if (ledger.error.empty()) return {};
    return "this host cannot keep what the policies promise: " + ledger.error +
           ". Promise less, or use a larger host; `governor check --host` shows it line by line";
}

}  // namespace governor
