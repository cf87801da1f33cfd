// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/render.hpp"
#include "governor/publish/words.hpp"
#include "policies/diagnostics.hpp"

#include <algorithm>
#include <vector>

namespace governor::publish {
namespace {

using policies::EventType;
using policies::Rule;

std::string quantity_text(const policies::Quantity& quantity) {
    using Kind = policies::Quantity::Kind;
    switch (quantity.kind) {
        case Kind::kBytes:
            return to_string(policies::Bytes{static_cast<std::uint64_t>(quantity.value)});
        case Kind::kDuration:
            return policies::to_string(policies::Duration(quantity.value));
        case Kind::kPermille:
            return to_string(policies::Permille{static_cast<std::int32_t>(quantity.value)});
        case Kind::kCount:
            return std::to_string(quantity.value);
        case Kind::kNone:
            break;
    }
    return {};
}

std::string reason_text(const policies::Reason& reason) {
    const auto words = words_of(reason.rule);
    std::string out(words.subject);
    if (out.empty()) return out;
    const auto measured = quantity_text(reason.measured);
    const auto threshold = quantity_text(reason.threshold);
    if (!measured.empty()) out += " " + measured;
    if (!threshold.empty()) out.append(" (").append(words.limit).append(" ").append(threshold).append(")");
    if (reason.window.count() != 0) out += " within " + policies::to_string(reason.window);
    return out;
}

std::string with_spaces(std::string_view name) {
    std::string out(name);
    std::ranges::replace(out, '_', ' ');
    return out;
}

/// Collects "label value" parts; what is at its default is passed over.
class Facts {
  public:
    void add(std::string text) { parts_.push_back(std::move(text)); }
    void add(std::string_view label, policies::Bytes bytes) {
        if (bytes.value != 0)
            add(std::string(label) + " " + (bytes == policies::kUnlimited ? "unlimited" : to_string(bytes)));
    }
    void add(std::string_view label, policies::Duration duration) {
        if (duration.count() != 0 && duration != policies::Duration::max())
            add(std::string(label) + " " + policies::to_string(duration));
    }
    std::string text() const {
        std::string out;
        for (const auto& part : parts_) {
            if (!out.empty()) out += ", ";
            out += part;
        }
        return out;
    }

  private:
    std::vector<std::string> parts_;
};

void add_away(Facts& facts, const policies::Event& event) {
    facts.add("stop", event.away.stop);
    facts.add("Docker", event.away.docker);
    facts.add("start", event.away.start);
    if (event.type == EventType::kAvailableAgain)
        facts.add("healthy after " + policies::to_string(event.away.healthy));
}

void add_ending(Facts& facts, const policies::Event& event) {
    if (event.outcome != policies::Outcome::kNone) facts.add(with_spaces(to_string(event.outcome)));
    if (event.exit_code >= 0) facts.add("exit code " + std::to_string(event.exit_code));
    if (event.via != policies::Via::kNone) facts.add("signal by " + with_spaces(to_string(event.via)));
    facts.add("stood still", event.brake);
    facts.add("drained", event.drain);
    facts.add("away", event.total);
    add_away(facts, event);
    if (event.count != 0) facts.add("count " + std::to_string(event.count));
}

/// "process 4711 (gunicorn) of 120 MiB"
void add_process(Facts& facts, const policies::Event& event) {
    if (event.process.pid != 0)
        facts.add("process " + std::to_string(event.process.pid) + " (" + std::string(event.process.name()) +
                  ") of " + to_string(event.process.bytes));
    facts.add("freed", event.freed);
}

/// The first three: the rest is in the JSON.
std::string holders_text(const policies::Survey& survey) {
    constexpr std::size_t kMost = 3;
    std::string out;
    for (const policies::Holder& holder : survey.holders().first(std::min(survey.count, kMost))) {
        out += (out.empty() ? "" : ", ") + std::string(holder.name()) + "[" + std::to_string(holder.pid) +
               "] " + to_string(holder.bytes) + " (" + to_string(survey.share(holder)) + ")";
    }
    return out;
}

void add_verdict(Facts& facts, const policies::Event& event) {
    if (event.verdict == policies::Verdict::kNone) return;
    facts.add("verdict " + with_spaces(to_string(event.verdict)));
    if (const int signal = policies::signal_of(event.exit_code);
        signal != 0 && event.verdict == policies::Verdict::kOwnExit)
        facts.add("signal " + std::to_string(signal));
    const policies::Victim& victim = event.victim;
    if (victim.pid != 0) {
        facts.add("process " + std::to_string(victim.pid) + " (" + std::string(victim.name()) + ")");
        facts.add("of", victim.rss);
        facts.add("oom_score_adj " + std::to_string(victim.oom_score_adj));
    }
    if (is_oom(event.verdict) && victim != policies::Victim{}) facts.add(victim.main ? "PID 1" : "not PID 1");
    if (event.docker_agrees == false) facts.add("Docker says otherwise");
}

void add_memory(Facts& facts, const policies::Event& event, const std::string& bound_by) {
    using Kind = policies::Quantity::Kind;
    // The reason may have told the amount already.
    const bool told = event.reason.measured.kind == Kind::kBytes && event.reason.rule != Rule::kCurrent &&
                      event.reason.rule != Rule::kTripwire;
    if (!told) facts.add("unreclaimable", event.unreclaimable);
    facts.add("hard limit", event.hard);
    if (!bound_by.empty()) facts.add("bound by " + bound_by + ", limit", event.limit);
    if (event.type == EventType::kArmed) facts.add("tripwire", event.tripwire);
    if (event.type == EventType::kPageCacheChurn) facts.add("in use", event.current);
    if (event.peak > event.unreclaimable) facts.add("peak", event.peak);
    if (event.growth > 0)
        facts.add("growing " + to_string(policies::Bytes{static_cast<std::uint64_t>(event.growth)}) + "/s");
    facts.add("OOM in", event.eta);
}

std::string facts_text(const policies::Event& event, const std::string& bound_by) {
    using policies::StopHandling;
    Facts facts;
    if (!event.file.empty()) facts.add(std::string(event.file));
    if (!event.cause.empty()) facts.add("cause: " + std::string(event.cause));
    add_process(facts, event);
    add_ending(facts, event);
    add_verdict(facts, event);
    add_memory(facts, event, bound_by);
    if (event.stop_handling == StopHandling::kNotHandled) facts.add("PID 1 does not handle its stop signal");
    if (event.stop_handling == StopHandling::kIgnored) facts.add("PID 1 ignores its stop signal");
    if (event.stop_handling == StopHandling::kDefaultAction)
        facts.add("the main process has no handler, its stop signal ends it");
    if (event.frozen && event.type != EventType::kBrake && event.type != EventType::kCapFrozen)
        facts.add("frozen");
    return facts.text();
}

std::string who(const Subject& subject) {
    std::string out = subject.service.empty() ? subject.name : subject.service;
    // The first replica is the usual one: its number says nothing.
    if (!subject.service.empty() && subject.number > 1) out += "#" + std::to_string(subject.number);
    if (out.empty()) out = subject.id.empty() ? "governor" : subject.id.str().substr(0, 12);
    return out;
}

}  // namespace

std::string to_text(const Record& record) {
    std::string out = rfc3339(record.time) + "  " + who(*record.subject) + "  ";
    if (record.event && record.type == to_string(record.event->type)) {
        out += headline(record.event->type);
    } else {
        out += with_spaces(record.type);
    }
    if (record.event) {
        const auto reason = reason_text(record.event->reason);
        const auto facts = facts_text(*record.event, record.bound_by);
        if (!reason.empty()) out += ": " + reason;
        if (!facts.empty()) out += (reason.empty() ? ": " : "; ") + facts;
    }
    if (record.survey && record.survey->count != 0) out += "; largest: " + holders_text(*record.survey);
    if (!record.detail.empty()) out += " -- " + record.detail;
    return policies::printable(out);
}

}  // namespace governor::publish
