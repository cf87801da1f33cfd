// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/introspect.hpp"

#include "governor/outlook.hpp"
#include "governor/publish/render.hpp"
#include "policies/signal_name.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

namespace governor {
namespace {

using nlohmann::json;

json bytes(policies::Bytes value) {
    return value == policies::kUnlimited ? json(nullptr) : json(value.value);
}

std::int64_t milliseconds(policies::Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

bool is_named(const publish::Subject& subject, std::string_view name) {
    return subject.service == name || subject.name == name ||
           subject.project + "/" + subject.service == name ||
           (name.size() >= 12 && subject.id.str().starts_with(name));
}

json threshold(const std::string& name, policies::Bytes value) {
    return {{"name", name}, {"value", bytes(value)}, {"text", policies::to_string(value)}};
}

json threshold(const std::string& name, policies::Duration value) {
    return {{"name", name}, {"value", milliseconds(value)}, {"text", policies::to_string(value)}};
}

json threshold(const std::string& name, const policies::Grace& value) {
    if (!value.is_infinite()) return threshold(name, value.bounded());
    return {{"name", name}, {"value", nullptr}, {"text", policies::to_string(value)}};
}

void add_terms(json& out, const std::string& name, const policies::Condition& condition,
               const policies::State& state) {
    for (const policies::Term& term : condition.terms) {
        switch (term.measure) {
            case policies::Measure::kUnreclaimable:
                out.push_back(threshold(name + " unreclaimable", state.threshold(term.size)));
                break;
            case policies::Measure::kCurrent:
                out.push_back(threshold(name + " current", state.threshold(term.size)));
                break;
            case policies::Measure::kEta:
                out.push_back(threshold(name + " eta", policies::Duration(term.duration)));
                break;
            case policies::Measure::kPressureSome:
            case policies::Measure::kPressureFull:
                out.push_back(
                    {{"name", name + (term.measure == policies::Measure::kPressureSome ? " pressure some"
                                                                                       : " pressure full")},
                     {"value", term.pressure.value},
                     {"text", policies::to_string(term.pressure)}});
                break;
        }
    }
}

/// The cgroup above the container whose limit binds; empty: its own limit.
std::string bound_by_of(const Controller& controller) {
    const auto& run = controller.target().run;
    const cgroups::LimitNode* node = run ? run->files.ancestor(controller.state().bound_level) : nullptr;
    return node == nullptr ? std::string() : node->name();
}

json describe_policy(const policies::ServicePolicy& policy, const policies::State& state) {
    json out = json::array();
    out.push_back(threshold("hard limit", state.hard));
    if (state.bound_level != 0) out.push_back(threshold("limit that binds", state.limit));
    if (!policy.near_oom) return out;
    out.push_back(threshold("tripwire", state.tripwire));
    out.push_back(threshold("kill line", state.kill_line()));
    add_terms(out, "near_oom", policy.near_oom->when, state);
    if (policy.near_oom->warn) add_terms(out, "warn", policy.near_oom->warn->when, state);
    out.push_back(threshold("grace", state.grace));
    if (policies::recycles(policy.near_oom->action)) {
        const policies::Recycle& recycle = policy.near_oom->recycle;
        out.push_back({{"name", "recycle signal"},
                       {"value", recycle.signal},
                       {"text", policies::signal_name(recycle.signal)}});
        out.push_back(threshold("recycle grace", policies::Duration(recycle.grace)));
    }
    out.push_back(threshold("docker_timeout", policies::Duration(policy.near_oom->brake.docker_timeout)));
    out.push_back(threshold("hold_timeout", policies::Duration(policy.near_oom->brake.hold_timeout)));
    const auto& breaker = policy.restart.breaker;
    out.push_back({{"name", "breaker"},
                   {"value", breaker.restarts},
                   {"text", std::to_string(breaker.restarts) + " restarts within " +
                                policies::to_string(policies::Duration(breaker.within))}});
    return out;
}

std::string watching_text(const policies::ServicePolicy& policy, const policies::State& state) {
    if (!policy.near_oom)
        return policy.reserve ? "Its reservation is kept; nothing is ever done to it."
                              : "It is watched only: no policy acts on it.";
    if (state.limit == policies::kUnlimited) return "It is watched only: it has no hard limit to stay below.";
    switch (policy.near_oom->action) {
        case policies::NearOomAction::kNotify:
            return "It is watched; near OOM an event is sent, and nothing else is done.";
        case policies::NearOomAction::kKill:
            return "It is watched; near OOM it is killed whole, and Docker's restart policy brings it back.";
        case policies::NearOomAction::kHold:
            return "It is watched; near OOM it is frozen until `governor release`, or until its limit is "
                   "raised.";
        case policies::NearOomAction::kRecycle:
        case policies::NearOomAction::kAuto:
            if (!state.relaxed)
                return "It is watched; near OOM the process of its pool that holds the most ends and the "
                       "container stays, or the container restarts gracefully.";
            break;
        case policies::NearOomAction::kGracefulRestart:
            break;
    }
    return state.relaxed
               ? "It is watched; page cache fills it, so its tripwire is lifted until the cache is smaller."
               : "It is watched; near OOM it is braked, asked to stop, and restarted.";
}

std::string phase_text(const policies::ServicePolicy& policy, const policies::State& state) {
    switch (state.phase) {
        case policies::Phase::kUnarmed:
            return "It does not run, or its limits are not on it yet.";
        case policies::Phase::kWatching:
            return watching_text(policy, state);
        case policies::Phase::kSignalling:
            return "It stands still; its stop signal is being delivered, then it runs again to save its "
                   "work.";
        case policies::Phase::kDraining:
            return "It saves its work after the stop signal; when its grace ends or it reaches the kill "
                   "line, it is killed whole.";
        case policies::Phase::kExited:
            return "It ended and is being started again.";
        case policies::Phase::kBackingOff:
            return "It is near OOM again, sooner than the back-off allows: capped until it may be restarted.";
        case policies::Phase::kQuarantined:
            return state.frozen
                       ? "Quarantine: it reached the middle between tripwire and hard limit and is frozen, "
                         "its memory untouched, until `governor release`."
                       : "Quarantine: it runs, capped, and is not restarted until `governor release`.";
        case policies::Phase::kLeftAlone:
            return "Somebody else stops it: left alone.";
        case policies::Phase::kPaused:
            return "Somebody paused it: left alone.";
        case policies::Phase::kSurveying:
            return "It is frozen while the memory of each of its processes is read.";
        case policies::Phase::kRecycling:
            return "One process of its pool has its graceful signal; the others serve. Its parent replaces "
                   "it.";
        case policies::Phase::kHeld:
            return "Frozen near its limit (do: hold) until `governor release`, or until its limit is raised.";
        case policies::Phase::kDrainHook:
            return "It is being taken out of its load balancer; its stop signal follows.";
        case policies::Phase::kBorrowing:
            return "It is frozen while Docker raises its hard limit: another replica is away.";
    }
    return {};
}

json bytes(cgroups::Bytes value) {
    return bytes(policies::Bytes{value.value});
}

json optional_bytes(const std::optional<cgroups::Bytes>& value) {
    return value ? bytes(*value) : json(nullptr);
}

json describe_reserve(const std::optional<reserve::Standing>& standing) {
    if (!standing) return nullptr;
    return {{"min", optional_bytes(standing->min)},
            {"low", optional_bytes(standing->low)},
            {"effective_min", standing->known ? bytes(standing->effective.min) : json(nullptr)},
            {"effective_low", standing->known ? bytes(standing->effective.low) : json(nullptr)},
            {"guaranteed",
             standing->known ? json(!standing->short_of_min && !standing->short_of_low) : json(nullptr)},
            {"via", standing->via_systemd ? "systemd" : "files"},
            {"problem", standing->why_short}};
}

http::Reply error_reply(int status, const std::string& text) {
    return {status, {{"error", text}}};
}

http::Reply not_known(std::string_view service) {
    return error_reply(404, "no service or container is called \"" + std::string(service) +
                                "\"; `governor status` lists them");
}

/// Names one container, or one service, and no other. Outside Compose only the id does.
std::string exact_name(const publish::Subject& subject) {
    constexpr std::size_t kShortId = 12;
    if (!subject.project.empty()) return subject.project + "/" + subject.service;
    return subject.name + " (" + std::string(subject.id.str().substr(0, kShortId)) + ")";
}

}  // namespace

json Introspection::describe(const Supervisor::Entry& entry) const {
    const Controller& controller = *entry.controller;
    const policies::State& state = controller.state();
    const publish::Subject& subject = *controller.subject();
    const policies::Duration eta = policies::forecast(state);
    const std::string bound_by = bound_by_of(controller);
    const bool limited = state.limit != policies::kUnlimited;
    return {{"service", subject.service},
            {"project", subject.project},
            {"container", subject.name},
            {"id", subject.id.str()},
            {"policy", subject.policy.empty() ? json(nullptr) : json(subject.policy)},
            {"phase", policies::to_string(state.phase)},
            {"current", state.has_sample ? bytes(state.last.current) : json(nullptr)},
            {"unreclaimable", state.has_sample ? bytes(state.last.unreclaimable) : json(nullptr)},
            {"hard", bytes(state.hard)},
            {"limit", bytes(state.limit)},
            {"bound_by", bound_by.empty() ? json(nullptr) : json(bound_by)},
            {"tripwire", bytes(state.tripwire)},
            {"headroom",
             limited && state.has_sample ? bytes(state.limit - state.last.unreclaimable) : json(nullptr)},
            {"growth_per_s", static_cast<std::int64_t>(state.growth)},
            {"eta_ms", eta == policies::Duration::max() ? json(nullptr) : json(milliseconds(eta))},
            {"restarts_in_window", state.restarts.count()},
            {"quarantined", state.quarantined},
            {"frozen", state.frozen},
            {"priority", controller.target().policy && controller.target().policy->priority
                             ? json(*controller.target().policy->priority)
                             : json(nullptr)},
            {"reserve", describe_reserve(parts_.keeper.standing(subject.id))},
            {"last_sample_ms_ago",
             state.has_sample ? json(milliseconds(parts_.clock() - state.last_at)) : json(nullptr)}};
}

http::Reply Introspection::status() {
    json services = json::array();
    for (const auto& [id, entry] : parts_.supervisor.entries())
        if (entry.controller) services.push_back(describe(entry));
    std::sort(services.begin(), services.end(), [](const json& a, const json& b) {
        return std::tie(a.at("project").get_ref<const std::string&>(),
                        a.at("service").get_ref<const std::string&>(),
                        a.at("container").get_ref<const std::string&>()) <
               std::tie(b.at("project").get_ref<const std::string&>(),
                        b.at("service").get_ref<const std::string&>(),
                        b.at("container").get_ref<const std::string&>());
    });
    const Host& host = parts_.supervisor.host();
    return {200,
            {{"version", GOVERNOR_VERSION},
             {"docker",
              {{"connected", parts_.supervisor.docker_connected()},
               {"version", host.docker_version},
               {"api", parts_.docker.api_version()},
               {"cgroup_driver", host.cgroup_driver}}},
             {"cgroup", {{"mount", host.cgroup_mount}}},
             {"started", publish::rfc3339(parts_.started)},
             {"hooks", parts_.hooks ? parts_.hooks() : json::array()},
             {"services", services}}};
}

std::vector<const Supervisor::Entry*> Introspection::named(std::string_view service) const {
    std::vector<const Supervisor::Entry*> out;
    for (const auto& [id, entry] : parts_.supervisor.entries())
        if (entry.controller && is_named(*entry.controller->subject(), service)) out.push_back(&entry);
    return out;
}

/// Replicas of one service are one thing; what belongs to several projects is a name that means two.
std::optional<http::Reply> Introspection::ambiguous(std::string_view service) const {
    std::set<std::string> projects;
    std::set<std::string> candidates;
    for (const Supervisor::Entry* entry : named(service)) {
        const publish::Subject& subject = *entry->controller->subject();
        projects.insert(subject.project);
        candidates.insert(exact_name(subject));
    }
    if (projects.size() < 2) return std::nullopt;
    std::string list;
    for (const std::string& candidate : candidates) list += (list.empty() ? "" : ", ") + candidate;
    return http::Reply{400,
                       {{"error", "\"" + std::string(service) + "\" names containers of several projects: " +
                                      list + "; give project/service or an id"},
                        {"candidates", candidates}}};
}

http::Reply Introspection::explain(std::string_view service) {
    if (auto refused = ambiguous(service)) return *refused;
    for (const Supervisor::Entry* named_entry : named(service)) {
        const Supervisor::Entry& entry = *named_entry;
        const Controller& controller = *entry.controller;
        const auto policy = controller.target().policy;
        json events = json::array();
        publish::Filter filter;
        filter.service = controller.subject()->name;
        constexpr std::size_t kShown = 20;
        for (const auto& published : parts_.publisher.recent(filter, kShown))
            events.push_back(json::parse(published->json, nullptr, false));
        json notes = entry.notes;
        policies::Event stop;
        stop.type = policies::EventType::kBrake;
        stop.stop_handling = controller.state().stop_handling;
        const std::string handling = explain_event(stop);
        if (!handling.empty()) notes.push_back(handling);
        return {200,
                {{"service", describe(entry)},
                 {"policy", policy ? describe_policy(*policy, controller.state()) : json::array()},
                 {"outlook", describe_outlook(controller, parts_.processes)},
                 {"phase_text", policy ? phase_text(*policy, controller.state()) : std::string()},
                 {"events", events},
                 {"notes", notes}}};
    }
    return not_known(service);
}

http::Reply Introspection::command(std::string_view name, std::string_view service) {
    if (name == "reload") {
        const std::string problem = parts_.reload();
        if (problem.empty()) return {200, {{"reloaded", true}}};
        return error_reply(409, "the new policies are not used, the old ones stay in force:\n" + problem);
    }
    if (auto refused = ambiguous(service)) return *refused;
    if (name == "resolve") return {200, json::object()};
    if (name != "release") return error_reply(400, "there is no command \"" + std::string(name) + "\"");
    json released = json::array();
    const auto entries = named(service);
    for (const Supervisor::Entry* entry : entries) {
        const policies::State& state = entry->controller->state();
        if (!state.quarantined && state.phase != policies::Phase::kBackingOff &&
            state.phase != policies::Phase::kHeld)
            continue;
        // The entry stays: only Docker's `destroy` takes it off, and that does not come in the middle of
        // this.
        const std::shared_ptr<Controller> controller = entry->controller;
        controller->feed(policies::Released{});
        released.push_back(controller->subject()->name);
    }
    if (entries.empty()) return not_known(service);
    if (released.empty())
        return error_reply(
            409, std::string(service) + " is not in quarantine, not held and not waiting for its back-off");
    return {200, {{"released", released}}};
}

}  // namespace governor
