// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/glob.hpp"
#include "policies/readers.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

void read_joined(YamlReader& reader, const YamlNode& node, RestartWith& out) {
    static constexpr std::array<std::string_view, 2> kWords{"false", "true"};
    if (const auto word = reader.choice(node, kWords)) out.joined_namespaces = *word == 1;
}

}  // namespace

const Fields<RestartWith>& restart_with_fields() {
    static constexpr std::array<Field<RestartWith>, 2> kFields{{
        {"services",
         [](YamlReader& r, const YamlNode& n, RestartWith& out) { read_globs(r, n, out.services); }},
        {"joined_namespaces", read_joined},
    }};
    static const auto table =
        make_fields<RestartWith>("restart_with", "services.<name>.restart_with",
                                 "{ services: [web], joined_namespaces: true }", kFields);
    return table;
}

void check_restart_with(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft) {
    const ServicePolicy& policy = draft.policy;
    if (!policy.restart_with || !draft.restart_with_clean) return;
    const auto at = place_of(node, {"restart_with"});
    if (policy.restart_with->services.empty() && !policy.restart_with->joined_namespaces) {
        reader.error(at, "'restart_with' names no container",
                     "give services: [web], joined_namespaces: true, or both");
        return;
    }
    for (const std::string& service : policy.restart_with->services) {
        const bool itself = is_literal(service) &&
                            std::ranges::find(policy.match.service, service) != policy.match.service.end();
        if (itself)
            reader.warning(place_of(node, {"restart_with", "services"}),
                           "'restart_with' names the service '" + service +
                               "' itself: its other replicas are not restarted with it",
                           "take it out");
    }
    if (!draft.near_oom_clean) return;
    const bool restarts = policy.near_oom && policy.near_oom->action != NearOomAction::kNotify &&
                          policy.near_oom->action != NearOomAction::kHold;
    if (restarts) return;
    const std::string why =
        !policy.near_oom ? "without near_oom nothing is ever restarted"
                         : "do: " + std::string(to_string(policy.near_oom->action)) + " restarts nothing";
    reader.warning(at, "'restart_with' has no effect: " + why);
}

void check_loan(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft) {
    const ServicePolicy& policy = draft.policy;
    if (!policy.near_oom || !policy.near_oom->loan) return;
    const auto at = place_of(node, {"near_oom", "loan"});
    const NearOomAction action = policy.near_oom->action;
    if (!recycles(action) && action != NearOomAction::kGracefulRestart) {
        reader.warning(at, "'loan' has no effect with do: " + std::string(to_string(action)));
        return;
    }
    if (draft.memory_clean && !policy.memory.hard)
        reader.error(
            at,
            "a loan needs memory.hard: without it the limit to go back to is not known to a governor "
            "that starts while a loan runs",
            "write the limit of the Compose file as memory.hard as well");
}

}  // namespace policies
