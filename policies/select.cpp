// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/policy.hpp"

#include <algorithm>

namespace policies {
namespace {

constexpr std::string_view kEnableLabel = "governor.enable";
constexpr std::string_view kPolicyLabel = "governor.policy";

const std::string* find_label(const Candidate& candidate, std::string_view name) {
    const auto found = std::ranges::find(candidate.labels, name,
                                         [](const auto& label) { return std::string_view(label.first); });
    return found == candidate.labels.end() ? nullptr : &found->second;
}

/// "false" is what the documentation says; the others are what people write when they mean it.
bool means_no(std::string text) {
    for (auto& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text == "false" || text == "no" || text == "off" || text == "0";
}

bool any_matches(const std::vector<std::string>& globs, std::string_view text) {
    return globs.empty() ||
           std::ranges::any_of(globs, [&](const auto& glob) { return glob_matches(glob, text); });
}

bool labels_match(const Match& match, const Candidate& candidate) {
    return std::ranges::all_of(match.labels, [&](const auto& wanted) {
        const auto* value = find_label(candidate, wanted.first);
        return value != nullptr && glob_matches(wanted.second, *value);
    });
}

bool matches(const Match& match, const Candidate& candidate) {
    std::string_view container = candidate.container;
    // The Engine API gives names with a slash in front, `docker ps` without.
    if (container.starts_with('/')) container.remove_prefix(1);
    return any_matches(match.project, candidate.project) && any_matches(match.service, candidate.service) &&
           any_matches(match.container, container) && labels_match(match, candidate);
}

}  // namespace

Selection select(const Policy& policy, const Candidate& candidate) {
    Selection selection;
    if (const auto* enable = find_label(candidate, kEnableLabel); enable != nullptr && means_no(*enable)) {
        selection.switched_off = true;
        return selection;
    }
    if (const auto* name = find_label(candidate, kPolicyLabel); name != nullptr) {
        const auto found = std::ranges::find(policy.services, *name, &ServicePolicy::name);
        // No falling back to the globs: whoever wrote the label meant that policy, not another.
        if (found == policy.services.end()) {
            selection.unknown_label_policy = *name;
        } else {
            selection.policy = &*found;
        }
        return selection;
    }
    std::vector<const ServicePolicy*> found;
    for (const auto& service : policy.services) {
        if (matches(service.match, candidate)) found.push_back(&service);
    }
    if (found.size() == 1) {
        selection.policy = found.front();
    } else {
        for (const auto* service : found) selection.also_matching.push_back(service->name);
    }
    return selection;
}

}  // namespace policies
