// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the supervisor that follows what changes during a container's life: signals, its name, its
// networks, and who shares its namespaces.
#include "governor/subject.hpp"
#include "governor/supervisor.hpp"

#include <string>

namespace governor {
namespace {

std::string attribute(const docker::Event& event, std::string_view key) {
    const auto found = event.attributes.find(key);
    return found == event.attributes.end() ? std::string() : found->second;
}

}  // namespace

void Supervisor::on_kill(Entry& entry, const docker::Event& event) {
    if (const auto signal = policies::parse_signal(attribute(event, "signal")))
        entry.controller->feed(policies::DockerKill{*signal});
}

/// Policies select by name, and everything that is published carries it. One that does not run has no limits
/// to put right.
void Supervisor::on_rename(Entry& entry, const docker::Event& event) {
    if (entry.armed) return spawn(attach(event.actor_id, false));
    entry.controller->describe(subject_of(event));
}

/// A warn call goes to the container's address, which Docker's inspect has.
void Supervisor::on_network(const docker::Event& event) {
    const std::string_view action = event.action_name();
    if (action != "connect" && action != "disconnect") return;
    const std::string id = attribute(event, "container");
    // At a start and at an end Docker connects and disconnects as well; those have a look of their own.
    if (const Entry* entry = find(id); entry != nullptr && entry->armed) spawn(attach(id, false));
}

/// systemd rewrites memory.high when any property of the scope is set through it, `docker update` included.
void Supervisor::repair_tripwire(Entry& entry, const policies::Sample& sample) {
    const policies::State& state = entry.controller->state();
    if (state.phase != policies::Phase::kWatching || state.relaxed || state.limit == policies::kUnlimited)
        return;
    // The kernel keeps whole pages.
    constexpr std::uint64_t kPage = 65536;
    const std::uint64_t want = state.tripwire.value;
    const std::uint64_t have = sample.tripwire.value;
    const bool same = have == want || (have < want && want - have < kPage);
    if (same || state.tripwire == policies::kUnlimited) return;
    const auto set_back = [&] {
        parts_.actuator.relieve(entry.controller->target(), policies::SetTripwire{state.tripwire},
                                [](const auto&, const auto&) {});
    };
    // With a loan it is this governor's own update.
    if (state.loan_from != policies::kUnlimited) return set_back();
    policies::Event event;
    event.type = policies::EventType::kDriftRepaired;
    event.at = parts_.clock();
    event.file = "memory.high";
    event.cause = "set through systemd";
    event.reason = {policies::Rule::kDrift,
                    policies::Quantity::of(sample.tripwire),
                    policies::Quantity::of(state.tripwire),
                    {}};
    publish::Record record;
    record.type = policies::to_string(event.type);
    record.subject = entry.controller->subject();
    record.event = event;
    record.detail = "memory.high was " + policies::to_string(sample.tripwire) + ", set back to " +
                    policies::to_string(state.tripwire) +
                    " (systemd rewrites it when a property of the scope is set, by `docker update` for one).";
    parts_.sink.publish(record);
    set_back();
}

/// A restart replaces the namespaces of its container; a container that shares them is left with the old
/// ones until it is restarted as well.
std::string Supervisor::joiners_of(const Entry& restarted) const {
    const publish::Subject& subject = *restarted.controller->subject();
    const auto& with = restarted.controller->target().policy->restart_with;
    const bool follow = with && with->joined_namespaces &&
                        restarted.controller->state().trip.rule != policies::Rule::kRestartWith;
    std::string following;
    std::string left;
    for (const auto& [id, entry] : entries_) {
        if (entry.found.joins.empty() || !entry.armed || id == subject.id) continue;
        std::string& out = follow && may_follow(entry) ? following : left;
        for (const docker::JoinedNamespace& joined : entry.found.joins) {
            if (!docker::is_joined(joined.container, subject.id.str(), subject.name)) continue;
            out += (out.empty() ? "" : ", ") + entry.controller->subject()->name + " (" +
                   std::string(joined.kind) + ")";
        }
    }
    if (!following.empty())
        following = "Containers that share its namespaces are restarted now: " + following + ".";
    if (left.empty()) return following;
    return following + (following.empty() ? "" : " ") +
           "Containers that share its namespaces are left with the old ones, which are empty: " + left +
           ". Restart them.";
}

}  // namespace governor
