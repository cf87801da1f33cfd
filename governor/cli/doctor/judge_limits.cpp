// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// Limits above a container, and swap that its settings promise and the kernel does not use.
#include "governor/cli/doctor/judge.hpp"
#include "policies/policy.hpp"

#include <string>

namespace governor::cli::doctor {
namespace {

using policies::Bytes;
using policies::to_string;

void judge_limit_above(Checks& out, const ContainerFacts& container) {
    if (!container.limit_above) return;
    const LimitAbove& above = *container.limit_above;
    const auto own = container.details.host_config.memory;
    if (own > 0 && Bytes{static_cast<std::uint64_t>(own)} <= above.limit) return;
    const std::string found =
        own > 0 ? "its hard limit is " + to_string(Bytes{static_cast<std::uint64_t>(own)}) + ", but "
                : std::string("it has no hard limit of its own; ");
    const std::string limit = above.name + " allows " + to_string(above.limit) +
                              (above.by_high ? " (memory.high)" : " (memory.max)");
    out.push_back(warn("container.limit_above", "container " + container.details.name,
                       found + limit + " to all below it",
                       "raise " + std::string(above.by_high ? "MemoryHigh=" : "MemoryMax=") + " of " +
                           above.name + ", or give the containers below it limits whose sum fits"));
}

void judge_swap(Checks& out, const ContainerFacts& container, const HostFacts& host) {
    const auto& limits = container.details.host_config;
    const bool may_swap = limits.memory > 0 && (limits.memory_swap < 0 || limits.memory_swap > limits.memory);
    if (!may_swap) return;
    if (host.swap_unused) {
        out.push_back(
            warn("container.swap", "container " + container.details.name,
                 "it may use swap, but vm.swappiness is 0: at its limit the kernel reclaims page cache only",
                 "set vm.swappiness to 1 or more, or memswap_limit to mem_limit"));
    } else if (container.swap_above && container.swap_above->limit == Bytes{}) {
        out.push_back(warn(
            "container.swap", "container " + container.details.name,
            "it may use swap, but " + container.swap_above->name + " allows none (memory.swap.max)",
            "raise MemorySwapMax= of " + container.swap_above->name + ", or set memswap_limit to mem_limit"));
    }
}

}  // namespace

Checks judge_limits(const HostFacts& host, const DockerFacts& docker, const policies::LoadResult& policies) {
    Checks out;
    if (docker.error || !policies.policy) return out;
    for (const ContainerFacts& container : docker.containers) {
        const auto* chosen = policies::select(*policies.policy, candidate_of(container.details)).policy;
        if (chosen == nullptr || !chosen->near_oom) continue;
        judge_limit_above(out, container);
        judge_swap(out, container, host);
    }
    return out;
}

}  // namespace governor::cli::doctor
