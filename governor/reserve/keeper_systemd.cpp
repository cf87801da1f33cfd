// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the keeper that tells systemd what it wrote.
#include "governor/reserve/keeper.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace governor::reserve {
namespace {

bool has_tripwire(const policies::ServicePolicy& policy) {
    return policy.near_oom && policy.near_oom->action != policies::NearOomAction::kNotify;
}

}  // namespace

/// So that the values outlive a daemon-reload, a `docker update` and whatever else makes systemd write a
/// unit's files. The files are right already: nothing waits for this.
void Keeper::tell_systemd(const Wanted& wanted) {
    if (parts_.units == nullptr || !parts_.units->available()) return;
    std::map<std::string, Wanted> by_unit;
    for (const auto& [place, value] : wanted) {
        const std::string unit = unit_of(place.path.str());
        if (unit.empty() || asking_.contains(unit)) continue;
        // systemd would write its own idea of memory.high as well, and pull the tripwire away from under the
        // brake.
        if (const Kept* kept = owner(place.path); kept != nullptr && has_tripwire(*kept->care.target.policy))
            continue;
        const auto known = at_systemd_.find(place);
        if (known != at_systemd_.end() && known->second == value) continue;
        by_unit[unit].emplace(place, value);
    }
    for (const auto& [unit, places] : by_unit) {
        std::vector<systemd::Property> properties;
        for (const auto& [place, value] : places)
            properties.push_back({std::string(property_of(place.knob)), value.value});
        asking_.insert(unit);
        own_calls_[unit] = parts_.clock();
        parts_.units->set(unit, properties,
                          [this, alive = std::weak_ptr(alive_), unit = unit,
                           sent = places](const systemd::Outcome& outcome) {
                              if (!alive.expired()) on_outcome(unit, sent, outcome);
                          });
    }
}

void Keeper::on_outcome(const std::string& unit, const Wanted& sent, const systemd::Outcome& outcome) {
    asking_.erase(unit);
    const bool done = outcome.kind == systemd::Outcome::Kind::kDone;
    // Its own writes follow its answer: a look shows whether the files are as they should be.
    own_calls_[unit] = parts_.clock();
    if (done) {
        for (const auto& [place, value] : sent) at_systemd_[place] = value;
        look_soon();
    }
    for (const auto& [place, value] : sent) {
        const auto id = by_path_.find(place.path);
        if (id == by_path_.end()) continue;
        if (done) touched_.insert(id->second);
        kept_.at(id->second).standing.via_systemd = done;
    }
    if (done || outcome.kind == systemd::Outcome::Kind::kNoUnit) return;
    // The same trouble with every unit is told once.
    const std::string kind = std::to_string(static_cast<int>(outcome.kind));
    if (std::exchange(told_outcome_, kind) != kind)
        spdlog::warn("{} The values are in the kernel's files, and are repaired when systemd loses them.",
                     outcome.message);
}

}  // namespace governor::reserve
