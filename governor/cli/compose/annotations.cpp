// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/annotations.hpp"

#include "governor/cli/compose/plan.hpp"
#include "governor/cli/compose/verify.hpp"
#include "policies/diagnostics.hpp"
#include "policies/yaml_tree.hpp"

#include <algorithm>
#include <utility>

namespace governor::cli::compose {
namespace {

using policies::Bytes;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSystemSlice = "system.slice";
constexpr std::string_view kSlice = ".slice";

/// "a.slice" and "a-b.slice" for "a-b.slice": systemd puts the one into the other (systemd.slice(5)).
std::vector<std::string> with_ancestors(const std::string& slice) {
    std::vector<std::string> out;
    const std::string name = slice.substr(0, slice.size() - kSlice.size());
    for (auto dash = name.find('-'); dash != std::string::npos; dash = name.find('-', dash + 1))
        out.push_back(name.substr(0, dash).append(kSlice));
    out.push_back(slice);
    return out;
}

void add_to_slices(std::vector<Slice>& slices, const std::string& parent, Bytes min, Bytes low) {
    const bool is_slice = parent.ends_with(kSlice) && parent.size() > kSlice.size();
    for (const std::string& name : with_ancestors(is_slice ? parent : std::string(kSystemSlice))) {
        auto found = std::ranges::find(slices, name, &Slice::name);
        if (found == slices.end()) found = slices.insert(slices.end(), Slice{.name = name});
        found->min = found->min + min;
        found->low = found->low + low;
    }
}

class Annotator {
  public:
    Annotator(const Request& request, const policies::Policy& policy)
        : request_(request), policy_(policy), source_(request.compose), lines_of_source_(request.compose) {
        text_ = source_.text;
        if (text_.starts_with(kByteOrderMark)) text_.erase(0, kByteOrderMark.size());
    }

    Annotated run() {
        if (!is_readable()) return std::move(out_);
        const Project project(document_);
        if (!name_project(project)) return std::move(out_);
        for (const Service& service : project.services()) look_at(project, service);
        edit(project);
        return std::move(out_);
    }

  private:
    void error(const Problem& problem) {
        out_.errors.push_back(
            lines_of_source_.diagnose(policies::Severity::kError, problem.at, problem.message, problem.hint));
    }

    bool is_readable() {
        if (text_.size() > policies::kMaxSourceBytes) {
            error({{}, "this file has more than 1MiB", "is it a Compose file?"});
        } else if (const auto odd = policies::find_not_text(text_)) {
            error({odd->at, odd->message, "Compose files are UTF-8 text"});
        } else {
            document_ = parse(text_);
            for (const Problem& problem : document_.problems) error(problem);
            if (out_.errors.empty()) find_services();
        }
        return out_.errors.empty();
    }

    void find_services() {
        const char* hint = "a Compose file has a map 'services:' with one key for each service";
        if (document_.root == nullptr || document_.root->kind == Node::Kind::kNull)
            return error({{}, "there is nothing in this file", hint});
        if (document_.root->kind != Node::Kind::kMap)
            return error({document_.root->at, "this is not a Compose file: it is no map", hint});
        const Found services = find(*document_.root, "services");
        if (!services) return error({{}, "there are no services in this file", hint});
        if (services.value().kind != Node::Kind::kMap)
            error({services.entry->key->at, "'services' has no services", hint});
    }

    bool name_project(const Project& project) {
        project_ = request_.project;
        if (project_.empty()) project_ = project.name();
        if (project_.empty()) project_ = request_.folder;
        const bool matters = std::ranges::any_of(
            policy_.services, [](const auto& service) { return !service.match.project.empty(); });
        if (matters && project_.find('$') != std::string::npos) {
            error({find(*document_.root, "name").entry->key->at,
                   "the project's name is a variable, and policies match by project",
                   "say what it stands for: --project NAME"});
        }
        return out_.errors.empty();
    }

    void note(const std::string& service, const std::string& text) {
        out_.notes.push_back("service '" + service + "': " + text);
    }

    const policies::ServicePolicy* policy_of(const Project& project, const Service& service) {
        const auto selection = policies::select(policy_, project.candidate(service, project_));
        if (!selection.unknown_label_policy.empty())
            note(service.name, "its label governor.policy names '" + selection.unknown_label_policy +
                                   "', and there is no such policy");
        if (!selection.also_matching.empty()) {
            std::string names;
            for (const auto& name : selection.also_matching) names += (names.empty() ? "" : ", ") + name;
            note(service.name, "several policies match (" + names + "), so none governs it");
        }
        return selection.policy;
    }

    void look_at(const Project& project, const Service& service) {
        const auto* policy = policy_of(project, service);
        if (policy == nullptr) return;
        ++out_.matched;
        Plan plan = plan_of(project, service, *policy, request_.host_memory);
        for (auto& text : plan.notes) note(service.name, text);
        out_.tripwires |= plan.tripwire;
        const auto replicas = static_cast<std::uint64_t>(project.replicas(service));
        if (plan.min > Bytes{} || plan.low > Bytes{}) {
            const Setting parent = project.setting(service, "cgroup_parent");
            add_to_slices(out_.slices, parent ? parent.value().text : std::string(),
                          {plan.min.value * replicas}, {plan.low.value * replicas});
        }
        std::ranges::move(plan.differences, std::back_inserter(out_.differences));
        if (!plan.edit.empty()) edits_.emplace(service.name, std::move(plan.edit));
    }

    void edit(const Project& project) {
        Lines lines(text_);
        std::vector<Problem> problems;
        for (const Service& service : project.services()) {
            if (const auto found = edits_.find(service.name); found != edits_.end())
                edit_service(lines, service, found->second, problems);
        }
        if (edits_.empty()) {
            out_.text = source_.text;
            return;
        }
        std::string text = lines.text();
        if (problems.empty()) problems = verify(document_, parse(text), edits_);
        for (const Problem& problem : problems) error(problem);
        if (!problems.empty()) return;
        if (source_.text.starts_with(kByteOrderMark)) text.insert(0, kByteOrderMark);
        out_.text = std::move(text);
    }

    const Request& request_;
    const policies::Policy& policy_;
    const policies::Source& source_;
    policies::SourceLines lines_of_source_;
    std::string text_;  ///< without byte order mark
    Document document_;
    std::string project_;
    Edits edits_;
    Annotated out_;
};

}  // namespace

Annotated annotate(const Request& request, const policies::Policy& policy) {
    return Annotator(request, policy).run();
}

std::vector<std::string> hints_of(const Annotated& annotated) {
    std::vector<std::string> out = annotated.notes;
    for (const Slice& slice : annotated.slices) {
        std::string sums;
        if (slice.min.value != 0) sums += " MemoryMin=" + std::to_string(slice.min.value);
        if (slice.low.value != 0) sums += " MemoryLow=" + std::to_string(slice.low.value);
        out.push_back(slice.name +
                      " must protect as much as its services reserve, or nothing is reserved, and a Compose "
                      "file cannot "
                      "say so. A running governor sees to it. Without one, once (the sums of this file; add "
                      "what else " +
                      slice.name + " has to protect): systemctl set-property " + slice.name + sums);
    }
    if (annotated.tripwires)
        out.emplace_back(
            "above MemoryHigh the kernel slows a container down, and only a running governor lets it out, by "
            "a restart");
    return out;
}

}  // namespace governor::cli::compose
