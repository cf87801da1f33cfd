// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"
#include "policies/glob.hpp"
#include "policies/signal_name.hpp"

#include <algorithm>
#include <string>

namespace governor::cli::doctor {
namespace {

constexpr const char* kId = "container.pool";

std::string about(const ContainerFacts& container) {
    return "container " + container.details.name;
}

bool names_only_main(const policies::Recycle& recycle, const ContainerFacts& container) {
    const auto main = std::ranges::find(container.processes, static_cast<int>(container.details.state.pid),
                                        &policies::ProcessMemory::pid);
    return main != container.processes.end() &&
           std::ranges::any_of(recycle.processes, [&](const std::string& glob) {
               return policies::glob_matches(glob, main->comm) ||
                      policies::glob_matches(glob, main->command_line);
           });
}

void judge_refusal(Checks& out, const ContainerFacts& container, const policies::NearOom& near,
                   policies::Rule refused) {
    const std::string restarts = ", so near OOM the container restarts";
    if (refused == policies::Rule::kNoProcessMatches) {
        const bool main = names_only_main(near.recycle, container);
        out.push_back(
            warn(kId, about(container),
                 (main ? "recycle.processes matches PID 1 only, which is never recycled"
                       : "recycle.processes matches none of its child processes") +
                     restarts,
                 "correct the patterns: they are matched with a process's name and its command line"));
    } else if (refused == policies::Rule::kNoPool && near.action == policies::NearOomAction::kRecycle) {
        out.push_back(warn(kId, about(container), "none of its processes is the child of a pool" + restarts,
                           container.processes.size() == 1
                               ? "it has one process: write do: graceful_restart"
                               : "name the processes that may end in recycle.processes, or write do: auto"));
    }
}

/// What a child does with the signal decides whether its requests are answered.
void judge_signal(Checks& out, const ContainerFacts& container, const policies::Recycle& recycle,
                  const policies::Holder& child) {
    const auto found = container.signals.find(child.pid);
    if (found == container.signals.end() || found->second.may_handle(recycle.signal)) return;
    const std::string name = policies::signal_name(recycle.signal);
    const std::string who =
        "its child process " + std::to_string(child.pid) + " (" + std::string(child.name()) + ")";
    const bool ignored = cgroups::SignalStatus::has(found->second.ignored, recycle.signal) ||
                         policies::default_action(recycle.signal) != policies::DefaultAction::kTerminate;
    out.push_back(
        warn(kId, about(container),
             who + (ignored ? " ignores " + name + ": it is killed at the end of recycle.grace"
                            : " has no handler for " + name + ": it ends at once, with its requests"),
             "set recycle.signal to the one that this server takes (docs/pools.md), or handle it"));
}

}  // namespace

void judge_pool(Checks& out, const ContainerFacts& container, const policies::ServicePolicy& policy) {
    if (!policy.near_oom || !policies::recycles(policy.near_oom->action) || container.processes.empty())
        return;
    const policies::NearOom& near = *policy.near_oom;
    const policies::Survey survey =
        policies::survey(near.recycle, container.processes, static_cast<int>(container.details.state.pid));
    if (survey.refused == policies::Rule::kNone) {
        judge_signal(out, container, near.recycle, survey.candidate);
    } else {
        judge_refusal(out, container, near, survey.refused);
    }
}

}  // namespace governor::cli::doctor
