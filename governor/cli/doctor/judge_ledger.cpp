// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"
#include "policies/ledger.hpp"
#include "policies/policy.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace governor::cli::doctor {
namespace {

using policies::Bytes;
using policies::kUnlimited;
using policies::to_string;

constexpr const char* kAbout = "memory ledger";

/// The running containers by policy and limit. Those that no policy governs promise nothing.
std::vector<policies::Running> running(const DockerFacts& docker, const policies::Policy& policy) {
    std::vector<policies::Running> out;
    if (docker.error) return out;
    for (const auto& container : docker.containers) {
        const auto* chosen = policies::select(policy, candidate_of(container.details)).policy;
        if (chosen == nullptr) continue;
        const auto memory = container.details.host_config.memory;
        const bool own = !chosen->memory.hard && memory > 0;
        const Bytes hard = own ? Bytes{static_cast<std::uint64_t>(memory)} : kUnlimited;
        // Below a slice with less, the slice's limit is all that it can have.
        const Bytes above = container.limit_above ? container.limit_above->limit : kUnlimited;
        const auto same = std::ranges::find_if(out, [&](const policies::Running& each) {
            return each.service == chosen->name && each.hard == hard && each.above == above;
        });
        if (same == out.end()) {
            out.push_back({chosen->name, 1, hard, above});
        } else {
            ++same->containers;
        }
    }
    return out;
}

bool promises(const policies::LedgerLine& line) {
    return line.hard != kUnlimited || line.low != Bytes{};
}

Check judge_line(const policies::LedgerLine& line) {
    std::string found =
        std::to_string(line.containers) + (line.containers == 1 ? " container" : " containers");
    found += line.hard == kUnlimited ? ": no hard limit" : ": hard limit " + to_string(line.hard);
    if (line.min != Bytes{}) found += ", min " + to_string(line.min);
    if (line.low != line.min) found += ", low " + to_string(line.low);
    if (line.containers > 1) found += " each";
    return ok("ledger.line", "ledger " + line.service, std::move(found));
}

Check judge_sum(const policies::Ledger& ledger) {
    if (!ledger.error.empty()) {
        return fail(
            "ledger", kAbout, ledger.error,
            "reserve less, keep less free, or use a larger host; governor check --host shows the sum");
    }
    if (!ledger.warning.empty()) {
        return warn(
            "ledger", kAbout, ledger.warning,
            "lower hard limits, or let services give way: priority in their policies, and a host block");
    }
    std::string found = "min " + to_string(ledger.sum_min) + ", low " + to_string(ledger.sum_low);
    if (ledger.keep_free != Bytes{}) found += ", kept free " + to_string(ledger.keep_free);
    return ok("ledger", kAbout,
              found + ", worst case " + to_string(ledger.worst) + " of the host's " + to_string(ledger.host));
}

}  // namespace

Checks judge_ledger(const HostFacts& host, const DockerFacts& docker, const policies::LoadResult& policies) {
    if (!policies.policy) return {};
    if (!host.memory) {
        return {warn("ledger", kAbout, "the host's memory is not known: " + host.memory_error,
                     "mount the host's /proc")};
    }
    const auto ledger = policies::add_up(*policies.policy, *host.memory, running(docker, *policies.policy));
    Checks out;
    for (const auto& line : ledger.lines) {
        if (promises(line)) out.push_back(judge_line(line));
    }
    out.push_back(judge_sum(ledger));
    return out;
}

}  // namespace governor::cli::doctor
