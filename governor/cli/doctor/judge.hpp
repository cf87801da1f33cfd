// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/doctor/check.hpp"
#include "governor/cli/doctor/facts.hpp"

/// Facts in, verdicts with their mends out. Pure.
namespace governor::cli::doctor {

Checks judge_host(const HostFacts& host);
Checks judge_docker(const DockerFacts& docker);
Checks judge_policies(const policies::LoadResult& policies);
/// The containers that a policy governs; and the policies that govern none.
Checks judge_containers(const DockerFacts& docker, const policies::LoadResult& policies);
Checks judge_daemon(const DaemonFacts& daemon);

/// All of them, in the order in which to mend.
Checks judge(const Facts& facts);

}  // namespace governor::cli::doctor
