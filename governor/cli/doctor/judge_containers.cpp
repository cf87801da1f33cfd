// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/signals.hpp"
#include "governor/cli/doctor/judge.hpp"
#include "policies/policy.hpp"

#include <chrono>
#include <csignal>
#include <set>
#include <string>

namespace governor::cli::doctor {
namespace {

/// Less than this is seldom enough to save anything.
constexpr std::chrono::seconds kShortGrace{3};

std::string about(const ContainerFacts& container) {
    return "container " + container.details.name;
}

void judge_stop_signal(Checks& out, const ContainerFacts& container) {
    const auto& asked = container.details.stop_signal;
    const std::string name = asked.empty() ? "SIGTERM" : asked;
    const auto signal = act::parse_signal(asked);
    if (!signal) {
        out.push_back(warn("container.stop_signal", about(container),
                           "its stop signal \"" + name + "\" is unknown",
                           "correct stop_signal in the Compose file"));
    } else if (*signal == SIGKILL) {
        out.push_back(warn("container.stop_signal", about(container),
                           "its stop signal is SIGKILL: it cannot save its work",
                           "remove stop_signal from the Compose file"));
    } else if (container.pid1 && !container.pid1->may_handle(*signal)) {
        out.push_back(
            warn("container.stop_signal", about(container),
                 "PID 1 does not handle " + name +
                     ": the kernel drops the signal, and it is killed without saving its work",
                 "handle " + name +
                     " in the application, start it with exec (not through a shell), or set init: true"));
    }
}

void judge_limit(Checks& out, const ContainerFacts& container, const policies::ServicePolicy& policy) {
    if (policy.memory.hard || container.details.host_config.memory > 0 || container.limit_above) return;
    out.push_back(fail("container.hard_limit", about(container),
                       "it has no hard limit, and its policy \"" + policy.name +
                           "\" sets none: nothing can be decided for it",
                       "set memory: { hard: 2GiB } in the policy, or mem_limit in the Compose file"));
}

void judge_restart(Checks& out, const ContainerFacts& container, const policies::ServicePolicy& policy) {
    const bool restarts = policy.near_oom && policy.near_oom->action != policies::NearOomAction::kNotify &&
                          !policy.never.restart;
    const auto& restart = container.details.host_config.restart_policy;
    if (!restarts || restart == "always" || restart == "unless-stopped") return;
    const std::string found =
        restart == "on-failure"
            ? "restart policy on-failure: Docker does not bring it back after a clean exit"
            : "no restart policy: Docker does not bring it back when it ends";
    out.push_back(warn("container.restart_policy", about(container), found,
                       "set restart: unless-stopped in the Compose file"));
}

void judge_grace(Checks& out, const ContainerFacts& container, const policies::ServicePolicy& policy) {
    const bool own = policy.near_oom && policy.near_oom->drain.grace;
    const auto& grace = container.details.stop_timeout;
    // Docker's own default is 10 s; a negative one waits for ever.
    if (own || !grace || grace->count() < 0 || *grace >= kShortGrace) return;
    out.push_back(
        warn("container.stop_grace_period", about(container),
             "only " + std::to_string(grace->count()) + "s to save its work after the stop signal",
             "raise stop_grace_period in the Compose file, or set near_oom.drain.grace in the policy"));
}

void judge_governed(Checks& out, const ContainerFacts& container, const policies::ServicePolicy& policy) {
    const auto before = out.size();
    judge_limit(out, container, policy);
    judge_stop_signal(out, container);
    judge_restart(out, container, policy);
    judge_grace(out, container, policy);
    if (out.size() == before)
        out.push_back(ok("container", about(container), "governed by \"" + policy.name + "\""));
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "\"" : ", \"") + name + "\"";
    return out;
}

}  // namespace

policies::Candidate candidate_of(const docker::ContainerDetails& details) {
    const auto compose = details.compose();
    policies::Candidate out{compose.project, compose.service, details.name, {}};
    for (const auto& [name, value] : details.labels) out.labels.emplace_back(name, value);
    return out;
}

Checks judge_containers(const DockerFacts& docker, const policies::LoadResult& policies) {
    Checks out;
    if (docker.error || !policies.policy) return out;
    std::set<std::string> used;
    for (const auto& container : docker.containers) {
        const auto selection = policies::select(*policies.policy, candidate_of(container.details));
        if (!selection.also_matching.empty()) {
            for (const auto& name : selection.also_matching) used.insert(name);
            out.push_back(fail(
                "container.policy", about(container),
                "several policies match it (" + joined(selection.also_matching) + "), so none governs it",
                "make their `match` differ, or give it the label governor.policy"));
        } else if (!selection.unknown_label_policy.empty()) {
            out.push_back(fail("container.policy", about(container),
                               "its label governor.policy names \"" + selection.unknown_label_policy +
                                   "\", which does not exist",
                               "correct the label, or add that policy"));
        } else if (selection.policy != nullptr) {
            used.insert(selection.policy->name);
            judge_governed(out, container, *selection.policy);
        }
    }
    for (const auto& service : policies.policy->services) {
        if (used.contains(service.name)) continue;
        out.push_back(warn("policy.unused", "policy " + service.name, "matches no running container",
                           "start its containers, or correct its `match`"));
    }
    return out;
}

}  // namespace governor::cli::doctor
