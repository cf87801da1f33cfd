// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"
#include "policies/grace.hpp"
#include "policies/policy.hpp"
#include "policies/signal_name.hpp"
#include "policies/stop_handling.hpp"

#include <chrono>
#include <set>
#include <string>

namespace governor::cli::doctor {
namespace {

/// Less than this is seldom enough to save anything.
constexpr std::chrono::seconds kShortGrace{3};
/// Docker's own default.
constexpr std::chrono::seconds kDockerGrace{10};

std::string about(const ContainerFacts& container) {
    return "container " + container.details.name;
}

/// What its main process does with its stop signal.
void judge_handling(Checks& out, const ContainerFacts& container, int signal) {
    if (!container.pid1) return;
    const std::string name = policies::signal_name(signal);
    const auto handling =
        policies::judge_stop(signal, {container.pid1->may_handle(signal),
                                      cgroups::SignalStatus::has(container.pid1->ignored, signal),
                                      container.pid1->namespace_init});
    const std::string handle = "handle " + name + " in the application";
    const std::string ends =
        policies::Grace::of_docker(container.details.stop_timeout.value_or(kDockerGrace)).is_infinite()
            ? "and nothing but its kill line ends it"
            : "and it is killed without saving its work";
    switch (handling) {
        case policies::StopHandling::kNotHandled:
            out.push_back(warn("container.stop_signal", about(container),
                               "PID 1 does not handle " + name + ": the kernel drops the signal, " + ends,
                               handle + ", start it with exec (not through a shell), or set init: true"));
            break;
        case policies::StopHandling::kIgnored:
            out.push_back(warn("container.stop_signal", about(container),
                               "its main process ignores " + name + ", " + ends,
                               handle + ", or set another stop_signal in the Compose file"));
            break;
        case policies::StopHandling::kDefaultAction:
            out.push_back(warn("container.stop_signal", about(container),
                               "its main process does not handle " + name +
                                   ": the signal ends it at once, without saving its work",
                               handle));
            break;
        case policies::StopHandling::kHandled:
        case policies::StopHandling::kUnknown:
            break;
    }
}

void judge_stop_signal(Checks& out, const ContainerFacts& container) {
    const auto& asked = container.details.stop_signal;
    const auto signal = policies::parse_signal(asked);
    if (!asked.empty() && !signal)
        out.push_back(warn("container.stop_signal", about(container),
                           "its stop signal \"" + asked + "\" is unknown to Docker, which sends SIGTERM",
                           "correct stop_signal in the Compose file"));
    if (signal == policies::kSignalKill) {
        out.push_back(warn("container.stop_signal", about(container),
                           "its stop signal is SIGKILL: it cannot save its work",
                           "remove stop_signal from the Compose file"));
        return;
    }
    judge_handling(out, container, signal.value_or(policies::kSignalTerm));
}

bool is_restarted(const policies::ServicePolicy& policy) {
    return policy.near_oom && policy.near_oom->action != policies::NearOomAction::kNotify &&
           !policy.never.restart;
}

/// A restart replaces its namespaces; who shares them is left with the old ones.
void judge_joiners(Checks& out, const ContainerFacts& container, const DockerFacts& docker,
                   const policies::ServicePolicy& policy) {
    if (!is_restarted(policy)) return;
    for (const auto& other : docker.containers) {
        for (const auto& joined : docker::joined_namespaces(other.details.host_config)) {
            if (!docker::is_joined(joined.container, container.details.id, container.details.name)) continue;
            const std::string kind(joined.kind);
            out.push_back(warn("container.joined", about(container),
                               "container " + other.details.name + " shares its " + kind +
                                   " namespace: after a restart of this one it is left with the old " + kind +
                                   " namespace until it is restarted too",
                               "restart " + other.details.name +
                                   " after each restart (event "
                                   "restart_finished names it), or put both into one container"));
        }
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
    const auto& restart = container.details.host_config.restart_policy;
    if (!is_restarted(policy) || restart == "always" || restart == "unless-stopped") return;
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

void judge_governed(Checks& out, const ContainerFacts& container, const DockerFacts& docker,
                    const policies::ServicePolicy& policy) {
    const auto before = out.size();
    judge_limit(out, container, policy);
    judge_stop_signal(out, container);
    judge_restart(out, container, policy);
    judge_grace(out, container, policy);
    judge_joiners(out, container, docker, policy);
    judge_pool(out, container, policy);
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
            judge_governed(out, container, docker, *selection.policy);
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
