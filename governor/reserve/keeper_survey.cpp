// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the keeper that asks what is really honoured, and says when it is less than what was asked.
#include "governor/reserve/keeper.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace governor::reserve {
namespace {

/// The kernel's shares are rounded, and usage changes between two files.
bool less_than_asked(cgroups::Bytes guaranteed, const std::optional<cgroups::Bytes>& asked) {
    return asked && guaranteed.value + asked->value / 50 < asked->value;
}

std::string size(cgroups::Bytes value) {
    return policies::to_string(policies::Bytes{value.value});
}

std::string why_short(std::string_view file, cgroups::Bytes asked, cgroups::Bytes honoured,
                      const std::string& narrow) {
    std::string out = "Of the " + size(asked) + " that " + std::string(file) + " asks for, " +
                      size(honoured) + " would be honoured: ";
    if (narrow.empty()) return out + "its siblings claim more than their common parent has.";
    return out + narrow + " has a lower " + std::string(file) + ", and caps all that is below it.";
}

}  // namespace

/// Of all reservations, and of those of `others` that have an oom_score_adj.
void Keeper::start_survey(const std::set<std::string>& others) {
    if (surveying_) {
        // They are asked for next time.
        touched_.insert(others.begin(), others.end());
        return;
    }
    std::vector<Question> questions;
    for (const auto& [id, kept] : kept_) {
        const bool asked = kept.oom_score_adj && others.contains(id);
        if (!kept.standing.min && !kept.standing.low && !asked) continue;
        questions.push_back(
            {id, kept.care.target.run, kept.standing.min, kept.standing.low, kept.oom_score_adj});
    }
    if (questions.empty()) return;
    auto job = [questions, mount = parts_.mount, recursive = parts_.recursive,
                processes = parts_.processes]() -> std::vector<Finding> {
        std::vector<Finding> out;
        out.reserve(questions.size());
        for (const Question& question : questions)
            out.push_back(survey(question, mount, recursive, processes));
        return out;
    };
    auto done = [this, alive = std::weak_ptr(alive_)](const std::vector<Finding>& findings) {
        if (alive.expired()) return;
        surveying_ = false;
        on_findings(findings);
    };
    surveying_ = parts_.worker.post(std::move(job), std::move(done));
}

void Keeper::on_findings(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
        const auto found = kept_.find(finding.id);
        if (found == kept_.end()) continue;
        Kept& kept = found->second;
        if (!finding.adj_problem.empty() && kept.told_problem != finding.adj_problem) {
            kept.told_problem = finding.adj_problem;
            spdlog::warn("{}: {}: add the capabilities SYS_RESOURCE and DAC_OVERRIDE",
                         kept.care.target.subject->name, finding.adj_problem);
        }
        if (finding.known) judge(kept, finding);
    }
}

void Keeper::judge(Kept& kept, const Finding& finding) {
    Standing& standing = kept.standing;
    standing.known = true;
    standing.effective = finding.effective;
    standing.short_of_min = less_than_asked(finding.guaranteed.min, standing.min);
    standing.short_of_low = less_than_asked(finding.guaranteed.low, standing.low);
    standing.why_short.clear();
    const bool is_short = standing.short_of_min || standing.short_of_low;
    const Knob knob =
        standing.short_of_min || (!standing.short_of_low && standing.min) ? Knob::kMin : Knob::kLow;
    const cgroups::Bytes asked =
        (knob == Knob::kMin ? standing.min : standing.low).value_or(cgroups::Bytes{});
    const cgroups::Bytes honoured = knob == Knob::kMin ? finding.guaranteed.min : finding.guaranteed.low;
    if (is_short)
        standing.why_short = why_short(file_of(knob), asked, honoured,
                                       knob == Knob::kMin ? finding.narrow_min : finding.narrow_low);
    if (is_short == kept.told_short && kept.told) return;
    if (!is_short && kept.told && !kept.told_short) return;
    kept.told = true;
    kept.told_short = is_short;
    policies::Event event;
    event.type = is_short ? policies::EventType::kProtectionShort : policies::EventType::kReserved;
    event.at = parts_.clock();
    event.file = file_of(knob);
    event.reason = {policies::Rule::kProtection,
                    policies::Quantity::of(policies::Bytes{honoured.value}),
                    policies::Quantity::of(policies::Bytes{asked.value}),
                    {}};
    publish::Record record;
    record.type = policies::to_string(event.type);
    record.subject = kept.care.target.subject;
    record.event = event;
    record.detail = standing.why_short;
    parts_.sink.publish(record);
}

}  // namespace governor::reserve
