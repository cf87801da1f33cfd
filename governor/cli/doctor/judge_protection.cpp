// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"
#include "governor/reserve/survey.hpp"
#include "policies/policy.hpp"

#include <string>

namespace governor::cli::doctor {
namespace {

using policies::Bytes;
using policies::to_string;

/// The kernel counts in pages, at each level.
constexpr Bytes kPages{65536};

bool is_short(Bytes honoured, Bytes asked) {
    return honoured + kPages < asked;
}

std::string part(const char* name, Bytes honoured, Bytes asked) {
    return std::string(name) + " " + to_string(std::min(honoured, asked)) + " of " + to_string(asked);
}

Check judge_one(const ContainerFacts& container, const policies::Reserve& reserve, const HostFacts& host,
                bool governed) {
    const std::string about = "protection " + container.details.name;
    if (container.protection.empty())
        return warn("protection", about, "cannot be read from here",
                    "it needs the host's cgroup tree and `pid: host`");
    const Bytes memory = host.memory.value_or(policies::kUnlimited);
    const Bytes min = reserve.min ? reserve.min->of(memory) : Bytes{};
    const Bytes low = reserve.low ? reserve.low->of(memory) : Bytes{};
    const auto kept =
        reserve::guaranteed(container.protection, {min.value}, {low.value}, host.recursive_protection);
    const Bytes kept_min{kept.min.value};
    const Bytes kept_low{kept.low.value};
    std::string found;
    if (reserve.min) found = part("min", kept_min, min);
    if (reserve.low) found += (found.empty() ? "" : ", ") + part("low", kept_low, low);
    if (!is_short(kept_min, min) && !is_short(kept_low, low))
        return ok("protection", about, found + " is honoured by the kernel");
    found += " would be honoured by the kernel";
    if (!governed)
        return warn("protection", about, found, "a running governor sets it, on every ancestor too");
    return warn("protection", about, found, "governor explain names the cgroup that caps it");
}

}  // namespace

Checks judge_protection(const HostFacts& host, const DockerFacts& docker,
                        const policies::LoadResult& policies, const DaemonFacts& daemon) {
    Checks out;
    if (docker.error || !policies.policy) return out;
    for (const ContainerFacts& container : docker.containers) {
        const auto* chosen = policies::select(*policies.policy, candidate_of(container.details)).policy;
        if (chosen == nullptr || !chosen->reserve || !(chosen->reserve->min || chosen->reserve->low))
            continue;
        out.push_back(judge_one(container, *chosen->reserve, host, !daemon.version.empty()));
    }
    return out;
}

}  // namespace governor::cli::doctor
