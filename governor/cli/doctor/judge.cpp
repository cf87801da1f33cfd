// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"

#include <algorithm>
#include <iterator>

namespace governor::cli::doctor {

Checks judge_policies(const policies::LoadResult& policies) {
    if (!policies.policy) {
        const auto errors = std::ranges::count(policies.diagnostics, policies::Severity::kError,
                                               &policies::Diagnostic::severity);
        std::string found = std::to_string(errors) + (errors == 1 ? " error" : " errors");
        if (!policies.diagnostics.empty()) {
            const auto& first = policies.diagnostics.front();
            found += "; the first: " + first.file + (first.line > 0 ? ":" + std::to_string(first.line) : "") +
                     ": " + first.message;
        }
        return {fail("policies", "policies", std::move(found),
                     "governor check says all that is wrong; --policy names another place")};
    }
    const auto count = policies.policy->services.size();
    if (count == 0)
        return {warn("policies", "policies", "none: nothing is governed",
                     "write one; the shipped presets are a start")};
    std::string found = std::to_string(count) + (count == 1 ? " policy, good" : " policies, all good");
    if (!policies.diagnostics.empty())
        return {warn("policies", "policies", found + ", with warnings", "governor check shows them")};
    return {ok("policies", "policies", std::move(found))};
}

Checks judge_daemon(const DaemonFacts& daemon) {
    if (daemon.version.empty()) return {warn("daemon", "governor daemon", "does not answer", daemon.error)};
    if (daemon.version == GOVERNOR_VERSION)
        return {ok("daemon", "governor daemon", "answers, version " + daemon.version)};
    return {warn("daemon", "governor daemon",
                 "answers, but is version " + daemon.version + "; this is " GOVERNOR_VERSION,
                 "use the same version of both")};
}

Checks judge(const Facts& facts) {
    Checks out;
    for (auto part : {judge_host(facts.host), judge_docker(facts.docker), judge_systemd(facts.systemd),
                      judge_policies(facts.policies), judge_ledger(facts.host, facts.docker, facts.policies),
                      judge_containers(facts.docker, facts.policies),
                      judge_limits(facts.host, facts.docker, facts.policies),
                      judge_protection(facts.host, facts.docker, facts.policies, facts.daemon),
                      judge_daemon(facts.daemon)}) {
        std::ranges::move(part, std::back_inserter(out));
    }
    return out;
}

}  // namespace governor::cli::doctor
