// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"
#include "governor/ports.hpp"
#include "policies/holders.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace governor::act {

/// What a survey of a container's processes needs, copied so that it can run on a worker's thread.
struct SurveyOrder {
    std::shared_ptr<const Run> run;  ///< only its directory, its main process's number and `look` are read
    Run::Look before;
    policies::Recycle recycle;
    cgroups::Processes processes;
    Clock clock;
};

struct SurveyFindings {
    policies::Survey survey;
    Run::Look look;                                   ///< of each process, for the next survey
    std::shared_ptr<const cgroups::PidFd> candidate;  ///< verified; null: none
    int candidate_parent = 0;
};

/// In the core's types, from counters alone.
policies::ProcessMemory memory_of(const cgroups::ProcessLook& look);

/// Reads what each process of the container itself (not of cgroups below it) holds, the page tables of the
/// largest within a few milliseconds, and chooses. Processes that end meanwhile are left out. Blocks: for a
/// worker's thread.
SurveyFindings survey_processes(const SurveyOrder& order);

/// The same from counters alone, without command lines and page tables: what is shared since a fork counts in
/// full. Takes no lock of a process, so it may run on the loop's thread. Chooses nothing that may be acted
/// on.
policies::Survey survey_counters(const Run& run, const policies::Recycle& recycle,
                                 const cgroups::Processes& processes);

}  // namespace governor::act
