// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the supervisor for limits that several containers share: a slice's, a parent cgroup's.
#include "governor/supervisor.hpp"
#include "policies/shared_limit.hpp"

#include <algorithm>
#include <vector>

namespace governor {

namespace {

/// Whether a container can be restarted for others, and may be.
bool is_ready(const Controller& controller, policies::TimePoint now) {
    const Target& target = controller.target();
    return policies::can_give_way(*target.policy, controller.state(), now) &&
           Deed::permit(target, policies::AskStop{}).has_value();
}

bool acts(const Controller& controller) {
    const auto& policy = controller.target().policy;
    return policy->near_oom && policy->near_oom->action != policies::NearOomAction::kNotify;
}

}  // namespace

std::vector<cgroups::SharedText> Supervisor::below(const cgroups::LimitNode& node) const {
    std::vector<cgroups::SharedText> out;
    for (const auto& [id, entry] : entries_) {
        if (!entry.armed || entry.stale || !entry.controller) continue;
        const Target& target = entry.controller->target();
        if (!target.run || target.run->ended || !target.policy) continue;
        const std::string& path = target.run->directory.path();
        if (path.size() > node.path().size() && path.starts_with(node.path()) &&
            path[node.path().size()] == '/')
            out.push_back(id);
    }
    return out;
}

bool Supervisor::shares_its_limit(const Entry& entry, const policies::Sample& sample) const {
    // One that only notifies has nothing to leave to others.
    if (sample.bound_level == 0 || !acts(*entry.controller)) return false;
    const cgroups::LimitNode* node = entry.controller->target().run->files.ancestor(sample.bound_level);
    if (node == nullptr) return false;
    const auto ids = below(*node);
    return std::ranges::count_if(ids, [this](const cgroups::SharedText& id) {
               return acts(*entries_.find(id)->second.controller);
           }) > 1;
}

/// `near` has come near a limit that it shares, and has not acted on it. The one that gives way is chosen
/// from fresh samples of all of them.
void Supervisor::settle_shared_limit(const std::string& near, const policies::Sampled& input) {
    const Entry* entry = find(near);
    const cgroups::LimitNode* node =
        entry->controller->target().run->files.ancestor(input.sample.bound_level);
    if (settling_ || node == nullptr) return;
    // The run keeps the node alive, whatever the samples below lead to.
    const std::shared_ptr<Run> run = entry->controller->target().run;
    const std::vector<cgroups::SharedText> ids = below(*node);
    settling_ = true;
    for (const cgroups::SharedText& id : ids)
        if (id != near) sample(id, false);
    settling_ = false;
    std::vector<policies::BelowLimit> containers;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const Entry* each = find(ids[i]);
        if (each == nullptr || !each->controller) continue;
        const policies::State& state = each->controller->state();
        containers.push_back({i, each->controller->target().policy->priority, state.growth,
                              state.last.unreclaimable, is_ready(*each->controller, parts_.clock()),
                              policies::is_leaving(state)});
    }
    const policies::Bytes limit{node->limit().value};
    const auto chosen = policies::choose_below(limit, containers);
    if (chosen.what == policies::GivingWay::What::kWait) return;
    entry = find(near);
    if (entry == nullptr) return;
    if (chosen.what == policies::GivingWay::What::kNone || ids[chosen.index] == near) {
        policies::Sampled alone = input;
        alone.shared = alone.tripped = false;
        entry->controller->feed(alone);
        return;
    }
    const policies::Reason why{policies::Rule::kSharedLimit,
                               policies::Quantity::of(limit - input.sample.headroom_above),
                               policies::Quantity::of(limit),
                               {}};
    const std::string detail = "The limit of " + node->name() + " is shared with " +
                               entry->controller->subject()->name + ", which came near it.";
    find(ids[chosen.index])->controller->feed(policies::GiveWay{why}, detail);
}

/// What one container takes of a shared limit, the others no longer have: when it changed by a twentieth, all
/// are sampled, so that their tripwires follow. Once a round (about a second) at most.
void Supervisor::sample_others_below(const std::string& id) {
    const Entry* entry = find(id);
    if (entry == nullptr || !entry->controller || !entry->controller->target().run || settling_) return;
    const std::shared_ptr<Run> run = entry->controller->target().run;
    for (cgroups::LimitNode* node = run->files.above(); node != nullptr; node = node->parent()) {
        if (node->limit() == cgroups::kMax || !node->has_moved(surroundings().round)) continue;
        for (const cgroups::SharedText& other : below(*node))
            if (other != id) sample(other, false);
    }
}

}  // namespace governor
