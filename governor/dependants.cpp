// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the supervisor for `restart_with`: containers that are restarted after another one.
#include "governor/supervisor.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

namespace governor {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kPoll = 100ms;
/// Docker's own work around a restart, beyond the grace.
constexpr auto kRestartSlack = 120s;
/// The longest that one dependant holds up the next.
constexpr std::chrono::milliseconds kLongest = 15min;
/// Docker's events may be behind its answer.
constexpr auto kEventsBehind = 10s;
constexpr std::size_t kMostDependants = 64;
constexpr int kAttempts = 3;
constexpr auto kBetweenAttempts = 5s;

bool is_coming_back(const policies::State& state) {
    return state.phase == policies::Phase::kDrainHook || state.phase == policies::Phase::kSignalling ||
           state.phase == policies::Phase::kDraining || state.phase == policies::Phase::kExited;
}

/// By the brake and the drain of its own policy; the others by Docker's restart.
bool restarts_itself(const policies::ServicePolicy& policy) {
    return policy.near_oom && (policy.near_oom->action == policies::NearOomAction::kGracefulRestart ||
                               policies::recycles(policy.near_oom->action));
}

std::string text_of(const publish::Subject& source, const std::string& tie) {
    return source.name + ", " + tie + ", was restarted.";
}

}  // namespace

/// Why it goes with `source`, as a clause for an event; empty when it does not.
std::string Supervisor::tie_to(const Entry& source, const Entry& other) const {
    const auto& with = source.controller->target().policy->restart_with;
    const publish::Subject& from = *source.controller->subject();
    const publish::Subject& to = *other.controller->subject();
    if (!with || from.id == to.id) return {};
    if (with->joined_namespaces)
        for (const docker::JoinedNamespace& joined : other.found.joins)
            if (docker::is_joined(joined.container, from.id.str(), from.name))
                return "whose " + std::string(joined.kind) + " namespace it shares";
    // Replicas of the same service do not depend on each other.
    if (from.project.empty() || from.project != to.project || from.service == to.service) return {};
    const bool named = std::ranges::any_of(
        with->services, [&](const std::string& glob) { return policies::glob_matches(glob, to.service); });
    return named ? "whose restart_with names it" : std::string();
}

bool Supervisor::may_follow(const Entry& entry) const {
    if (!entry.controller || entry.switched_off) return false;
    const Target& target = entry.controller->target();
    if (!target.policy || !target.run || !Deed::permit(target, policies::AskStop{})) return false;
    // What must not end without a person.
    if (target.policy->near_oom && target.policy->near_oom->action == policies::NearOomAction::kHold)
        return false;
    return entry.armed && entry.controller->state().phase == policies::Phase::kWatching;
}

/// A process namespace ends with its first process, and with it all containers that share it; Docker cannot
/// start those before the other one runs again.
void Supervisor::note_died_with(Entry& entry) {
    entry.died_with.clear();
    for (const docker::JoinedNamespace& joined : entry.found.joins) {
        if (joined.kind != "pid") continue;
        for (const auto& [id, other] : entries_) {
            if (!other.controller || !is_coming_back(other.controller->state())) continue;
            const publish::Subject& source = *other.controller->subject();
            if (docker::is_joined(joined.container, source.id.str(), source.name))
                entry.died_with = source.id.str();
        }
    }
}

void Supervisor::restart_dependants(const Entry& source) {
    const Target& target = source.controller->target();
    if (target.policy && target.policy->restart_with)
        spawn(follow_restart(target.subject->id.str(), target.run));
}

Supervisor::Task Supervisor::follow_restart(std::string id, std::shared_ptr<Run> run) {
    std::vector<std::pair<std::string, std::string>> dependants;
    const Entry* source = find(id);
    if (source == nullptr) co_return;
    for (const auto& [other_id, other] : entries_) {
        if (!other.controller) continue;
        if (std::string tie = tie_to(*source, other); !tie.empty())
            dependants.emplace_back(other_id.str(), std::move(tie));
    }
    if (dependants.size() > kMostDependants) {
        spdlog::warn("{}: restart_with means {} containers; the first {} are restarted",
                     source->controller->subject()->name, dependants.size(), kMostDependants);
        dependants.resize(kMostDependants);
    }
    const std::string source_name = source->controller->subject()->name;
    for (const auto& [other, tie] : dependants) {
        // Restarted by an earlier round that has not ended: it may have the old namespaces.
        for (auto waited = 0ms; waited < kLongest; waited += kPoll) {
            const Entry* entry = find(other);
            if (entry == nullptr || !entry->following || run->ended) break;
            co_await pause(kPoll);
        }
        // Another restart brings a round of its own.
        if (run->ended) co_return;
        const Entry* entry = find(other);
        if (entry == nullptr) continue;
        source = find(id);
        if (source == nullptr) co_return;
        const std::string why = "Because " + text_of(*source->controller->subject(), tie);
        // Named: GCC 12 destroys the members of an aggregate twice that is made in a coroutine's arguments.
        Following following{other, id, run, why};
        if (entry->died_with == id && !entry->armed) {
            co_await restart_by_docker(std::move(following));
        } else if (!may_follow(*entry)) {
            spdlog::info(
                "{} is not restarted with {}: it does not run, is on its way already, or its policy "
                "forbids it",
                entry->controller->subject()->name, source_name);
        } else if (restarts_itself(*entry->controller->target().policy)) {
            co_await restart_by_its_policy(other, why);
        } else {
            co_await restart_by_docker(std::move(following));
        }
    }
}

Supervisor::Task Supervisor::restart_by_its_policy(std::string id, std::string why) {
    const std::shared_ptr<Controller> controller = find(id)->controller;
    const policies::Reason reason{policies::Rule::kRestartWith, {}, {}, {}};
    controller->feed(policies::GiveWay{reason}, why);
    for (auto waited = 0ms; waited < kLongest; waited += kPoll) {
        const Entry* entry = find(id);
        if (entry == nullptr) co_return;
        const bool on_its_way = is_coming_back(entry->controller->state()) || !entry->armed;
        if (!on_its_way || entry->controller->state().phase == policies::Phase::kLeftAlone) co_return;
        co_await pause(kPoll);
    }
}

Supervisor::Task Supervisor::restart_by_docker(Following what) {
    Entry* entry = find(what.id);
    tell_restarted_with(*entry, what.why);
    entry->following = true;
    std::string problem;
    for (int attempt = 0; attempt < kAttempts && !what.source_run->ended; ++attempt) {
        if (attempt > 0) co_await pause(kBetweenAttempts);
        entry = find(what.id);
        if (entry == nullptr) co_return;
        const auto grace = entry->found.stop_timeout.value_or(10s);
        std::chrono::milliseconds limit = kLongest;
        if (grace >= 0s && grace < kLongest - kRestartSlack) limit = grace + kRestartSlack;
        // A Docker that hangs would carry the restart out at some later time.
        const auto there = co_await parts_.docker.ping(2s);
        problem = there ? std::string() : there.error().message;
        if (!there) continue;
        const auto done = co_await parts_.docker.restart(what.id, std::nullopt, limit);
        problem = done ? std::string() : done.error().message;
        if (done || done.error().kind == docker::Error::Kind::kNotFound) break;
    }
    entry = find(what.id);
    if (entry == nullptr) co_return;
    if (!problem.empty()) {
        entry->following = false;
        // Should it not run, the next restart of the other one brings it back.
        if (!entry->armed) entry->died_with = what.source;
        co_return tell_not_followed(*entry, problem);
    }
    for (auto waited = 0ms; waited < kEventsBehind; waited += kPoll) {
        entry = find(what.id);
        if (entry == nullptr || !entry->following) co_return;
        co_await pause(kPoll);
    }
    entry = find(what.id);
    if (entry != nullptr) entry->following = false;
}

Supervisor::Task Supervisor::pause(std::chrono::milliseconds duration) {
    asio::steady_timer timer(parts_.loop, duration);
    co_await timer.async_wait(asio::use_awaitable);
}

void Supervisor::tell_restarted_with(const Entry& entry, const std::string& why) {
    policies::Event event;
    event.type = policies::EventType::kRestartedWith;
    event.at = parts_.clock();
    event.reason.rule = policies::Rule::kRestartWith;
    publish::Record record;
    record.type = policies::to_string(event.type);
    record.subject = entry.controller->subject();
    record.event = event;
    record.detail = why;
    parts_.sink.publish(record);
}

void Supervisor::tell_not_followed(const Entry& entry, const std::string& problem) {
    policies::Event event;
    event.type = policies::EventType::kActionFailed;
    event.at = parts_.clock();
    event.reason.rule = policies::Rule::kRestartWith;
    publish::Record record;
    record.type = policies::to_string(event.type);
    record.subject = entry.controller->subject();
    record.event = event;
    record.detail = "Docker did not restart it: " + problem;
    parts_.sink.publish(record);
}

}  // namespace governor
