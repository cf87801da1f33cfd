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

/// A restart replaces the namespaces of its container; who shares them is left with the old ones.
std::string Supervisor::joiners_of(const Entry& restarted) const {
    const publish::Subject& subject = *restarted.controller->subject();
    std::string out;
    for (const auto& [id, entry] : entries_) {
        if (entry.found.joins.empty() || !entry.armed || id == subject.id) continue;
        for (const docker::JoinedNamespace& joined : entry.found.joins) {
            if (!docker::is_joined(joined.container, subject.id.str(), subject.name)) continue;
            out += (out.empty() ? "" : ", ") + entry.controller->subject()->name + " (" +
                   std::string(joined.kind) + ")";
        }
    }
    if (out.empty()) return out;
    return "Containers that share its namespaces are left with the old ones, which are empty: " + out +
           ". Restart them.";
}

}  // namespace governor
