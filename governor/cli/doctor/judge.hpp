// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/doctor/check.hpp"
#include "governor/cli/doctor/facts.hpp"

#include <optional>

/// Facts in, verdicts with their mends out. Pure.
namespace governor::cli::doctor {

Checks judge_host(const HostFacts& host);
Checks judge_docker(const DockerFacts& docker);
/// Whether systemd can be told what the governor sets.
Checks judge_systemd(const std::optional<systemd::Outcome>& systemd);
Checks judge_policies(const policies::LoadResult& policies);
/// What the policies promise to the containers that run, against the host's memory: line by line, then the
/// sum. Without Docker each policy counts as one container.
Checks judge_ledger(const HostFacts& host, const DockerFacts& docker, const policies::LoadResult& policies);
/// The containers that a policy governs; and the policies that govern none.
Checks judge_containers(const DockerFacts& docker, const policies::LoadResult& policies);
/// Where the policy recycles: whether there is a pool, and whether its children heed the signal. Part of
/// judge_containers().
void judge_pool(Checks& out, const ContainerFacts& container, const policies::ServicePolicy& policy);
/// Limits above the governed containers that bind before their own, and swap that the kernel does not use.
Checks judge_limits(const HostFacts& host, const DockerFacts& docker, const policies::LoadResult& policies);
/// What the kernel would honour of each running container's reservation, whatever its files say.
Checks judge_protection(const HostFacts& host, const DockerFacts& docker,
                        const policies::LoadResult& policies, const DaemonFacts& daemon);
Checks judge_daemon(const DaemonFacts& daemon);

/// How a policy looks for this container.
policies::Candidate candidate_of(const docker::ContainerDetails& details);

/// All of them, in the order in which to mend.
Checks judge(const Facts& facts);

}  // namespace governor::cli::doctor
