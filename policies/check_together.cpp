// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/check_together.hpp"

#include "policies/glob.hpp"
#include "policies/quantity.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace policies {
namespace {

/// Overlaps are looked for between all pairs; with more policies than this only exact twins are.
constexpr std::size_t kMostForPairs = 400;

/// The label with which a container chooses its policy by name, before any pattern is looked at.
constexpr std::string_view kPolicyLabel = "governor.policy";

Match normal_form(Match match) {
    const auto tidy = [](auto& list) {
        std::ranges::sort(list);
        // Not std::ranges::unique: clang 14 cannot read GCC 12's.
        list.erase(std::unique(list.begin(), list.end()), list.end());
    };
    tidy(match.project);
    tidy(match.service);
    tidy(match.container);
    tidy(match.labels);
    return match;
}

bool before(const Match& a, const Match& b) {
    return std::tie(a.project, a.service, a.container, a.labels) <
           std::tie(b.project, b.service, b.container, b.labels);
}

bool one_text_fits_both(const std::string& a, const std::string& b) {
    return a == b || (is_literal(a) && glob_matches(b, a)) || (is_literal(b) && glob_matches(a, b));
}

/// True when a text surely exists that both lists take. Two globs may share more than is found here; this
/// never cries wolf.
bool lists_meet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    if (a.empty() || b.empty()) return true;
    return std::ranges::any_of(a, [&](const auto& x) {
        return std::ranges::any_of(b, [&](const auto& y) { return one_text_fits_both(x, y); });
    });
}

bool labels_meet(const Match& a, const Match& b) {
    return std::ranges::all_of(a.labels, [&](const auto& label) {
        return std::ranges::all_of(b.labels, [&](const auto& other) {
            return label.first != other.first || one_text_fits_both(label.second, other.second);
        });
    });
}

bool chosen_by_label(const Match& match) {
    return std::ranges::any_of(match.labels, [](const auto& label) { return label.first == kPolicyLabel; });
}

bool meet(const Match& a, const Match& b) {
    if (chosen_by_label(a) || chosen_by_label(b)) return false;
    return lists_meet(a.project, b.project) && lists_meet(a.service, b.service) &&
           lists_meet(a.container, b.container) && labels_meet(a, b);
}

void check_names(const std::vector<PlacedService>& services) {
    std::map<std::string_view, const PlacedService*> seen;
    for (const auto& service : services) {
        const auto [first, is_new] = seen.emplace(service.policy->name, &service);
        // In one file the reader has already told of a key given twice.
        if (is_new || first->second->reader == service.reader) continue;
        service.reader->error(service.name_at,
                              "a policy named '" + service.policy->name + "' exists already, at " +
                                  first->second->reader->lines().place(first->second->name_at),
                              "names are unique across all policy files");
    }
}

using Pair = std::pair<const ServicePolicy*, const ServicePolicy*>;

std::set<Pair> check_twins(const std::vector<PlacedService>& services) {
    std::set<Pair> told;
    std::map<Match, const PlacedService*, decltype(&before)> seen(&before);
    for (const auto& service : services) {
        if (!service.match_clean || service.policy->match == Match{}) continue;
        const auto [first, is_new] = seen.emplace(normal_form(service.policy->match), &service);
        if (is_new) continue;
        const auto& other = *first->second;
        told.emplace(other.policy, service.policy);
        service.reader->error(service.match_at,
                              "two policies for one service: '" + service.policy->name +
                                  "' has the same match as '" + other.policy->name + "' at " +
                                  other.reader->lines().place(other.match_at),
                              "order decides nothing here: merge the two, or make their patterns differ");
    }
    return told;
}

void check_overlaps(const std::vector<PlacedService>& services, const std::set<Pair>& told) {
    if (services.size() > kMostForPairs) return;
    for (std::size_t i = 0; i < services.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const auto& a = services[j];
            const auto& b = services[i];
            if (!a.match_clean || !b.match_clean || told.contains({a.policy, b.policy})) continue;
            if (a.policy->match == Match{} || b.policy->match == Match{}) continue;
            if (!meet(a.policy->match, b.policy->match)) continue;
            b.reader->warning(b.match_at,
                              "a container can match both '" + b.policy->name + "' and '" + a.policy->name +
                                  "' at " + a.reader->lines().place(a.match_at) +
                                  "; it would be governed by neither",
                              "narrow one of them, or choose with the container's label governor.policy");
        }
    }
}

std::string in_words(const Host& host) {
    std::string out = "keep_free " + (host.keep_free ? to_string(*host.keep_free) : "absent");
    if (!host.pressure) return out + ", pressure absent";
    return out + ", pressure " + (host.pressure->full ? "full " : "some ") + to_string(host.pressure->share) +
           " over " + to_string(host.pressure->over);
}

void check_hosts(const std::vector<PlacedHost>& hosts) {
    if (hosts.empty()) return;
    const auto& first = hosts.front();
    for (const auto& other : hosts) {
        if (!first.clean || !other.clean || *other.host == *first.host) continue;
        other.reader->error(other.at,
                            "'host' (" + in_words(*other.host) + ") is given in another way at " +
                                first.reader->lines().place(first.at) + " (" + in_words(*first.host) + ")",
                            "there is one host: say it in one file");
    }
}

void check_priorities(const std::vector<PlacedService>& services, const std::vector<PlacedHost>& hosts) {
    if (!hosts.empty()) return;
    for (const auto& service : services) {
        if (!service.policy->priority) continue;
        service.reader->warning(service.priority_at,
                                "priority " + std::to_string(*service.policy->priority) +
                                    " has no effect: no file says with 'host' when the host runs short",
                                "for example: host: { keep_free: 512MiB }");
    }
}

void check_hooks(const std::vector<PlacedHook>& hooks) {
    std::map<std::string_view, const PlacedHook*> seen;
    for (const auto& hook : hooks) {
        // Of a hook that could not be read so far; that was told.
        if (hook.hook->name.empty()) continue;
        const auto [first, is_new] = seen.emplace(hook.hook->name, &hook);
        if (is_new) continue;
        hook.reader->error(hook.at,
                           "a hook named '" + hook.hook->name + "' exists already, at " +
                               first->second->reader->lines().place(first->second->at),
                           "names are unique across all policy files; without 'name' a hook is called "
                           "webhook-N or exec-N, the N-th of all");
    }
}

/// Frozen until a person decides: that person must hear of it.
void check_holds(const std::vector<PlacedService>& services, const std::vector<PlacedHook>& hooks) {
    const bool heard = std::ranges::any_of(hooks, [](const PlacedHook& hook) {
        return std::ranges::any_of(hook.hook->on,
                                   [](const auto& glob) { return glob_matches(glob, "held"); });
    });
    if (heard) return;
    for (const auto& service : services) {
        if (!service.policy->near_oom || service.policy->near_oom->action != NearOomAction::kHold) continue;
        service.reader->warning(
            service.name_at,
            "'do: hold' freezes a container until a person releases it, and no hook takes "
            "the event 'held'",
            "for example: hooks: [ { on: held, webhook: { url: \"${ALERT_URL}\" } } ]");
    }
}

}  // namespace

void check_together(const std::vector<PlacedService>& services, const std::vector<PlacedHost>& hosts,
                    const std::vector<PlacedHook>& hooks) {
    check_names(services);
    check_overlaps(services, check_twins(services));
    check_hosts(hosts);
    check_priorities(services, hosts);
    check_hooks(hooks);
    check_holds(services, hooks);
}

}  // namespace policies
