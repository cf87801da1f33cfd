// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/joiners.hpp"

#include "governor/cli/compose/document.hpp"
#include "governor/cli/compose/project.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace governor::cli::compose {
namespace {

using policies::Severity;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
/// The keys of a service, and the namespaces that they are about.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kKeys{
    {{"network_mode", "network"}, {"pid", "pid"}, {"ipc", "ipc"}}};

bool restarts(const policies::ServicePolicy* policy) {
    return policy != nullptr && policy->near_oom &&
           policy->near_oom->action != policies::NearOomAction::kNotify && !policy->never.restart;
}

/// The service that a mode names; null when it names none of this file.
const Service* joined_by(const Project& project, const std::string& project_name, std::string_view mode) {
    constexpr std::string_view kService = "service:";
    constexpr std::string_view kContainer = "container:";
    if (mode.starts_with(kService)) return project.find_service(mode.substr(kService.size()));
    if (!mode.starts_with(kContainer)) return nullptr;
    const std::string_view container = mode.substr(kContainer.size());
    const auto found = std::ranges::find_if(project.services(), [&](const Service& service) {
        return project.candidate(service, project_name).container == container;
    });
    return found == project.services().end() ? nullptr : &*found;
}

}  // namespace

std::vector<policies::Diagnostic> check_joiners(const policies::Source& compose, std::string_view project,
                                                std::string_view folder, const policies::Policy& policy) {
    const policies::SourceLines lines(compose);
    std::vector<policies::Diagnostic> out;
    const auto say = [&](Severity severity, const Problem& problem) {
        out.push_back(lines.diagnose(severity, problem.at, problem.message, problem.hint));
    };
    std::string text = compose.text;
    if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
    if (const auto odd = policies::find_not_text(text)) {
        say(Severity::kError, {odd->at, odd->message, "Compose files are UTF-8 text"});
        return out;
    }
    const Document document = parse(text);
    for (const Problem& problem : document.problems) say(Severity::kError, problem);
    if (!out.empty()) return out;
    if (document.root == nullptr || document.root->kind != Node::Kind::kMap) {
        say(Severity::kError,
            {{}, "this is not a Compose file: it is no map", "give the file with 'services:'"});
        return out;
    }
    const Project read(document);
    std::string name(project.empty() ? std::string_view(read.name()) : project);
    if (name.empty()) name = folder;
    for (const Service& service : read.services()) {
        for (const auto& [key, kind] : kKeys) {
            const Setting mode = read.setting(service, key);
            if (!mode || mode.value().kind != Node::Kind::kScalar) continue;
            const Service* target = joined_by(read, name, mode.value().text);
            if (target == nullptr || target == &service) continue;
            const auto selected = policies::select(policy, read.candidate(*target, name)).policy;
            if (!restarts(selected)) continue;
            say(Severity::kWarning,
                {mode.entry->key->at,
                 "service '" + service.name + "' shares the " + std::string(kind) + " namespace of '" +
                     target->name + "', which policy '" + selected->name + "' restarts: after a restart '" +
                     service.name + "' is left with the old one",
                 "restart '" + service.name + "' after each restart of '" + target->name +
                     "' (the event restart_finished names it), or run both in one container"});
        }
    }
    return out;
}

}  // namespace governor::cli::compose
