// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/fields.hpp"
#include "governor/cli/print_status.hpp"
#include "policies/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace governor::cli {
namespace {

using nlohmann::json;

/// What a person must look at, and what went wrong before that.
Colour type_colour(std::string_view type) {
    constexpr std::array<std::string_view, 10> kBad{
        "oom_killed",    "oom_verdict", "killed",           "breaker_opened",  "cap_frozen",
        "action_failed", "brake_lost",  "journal_degraded", "journal_damaged", "journal_events_lost"};
    constexpr std::array<std::string_view, 5> kNotable{"oom_near", "brake", "docker_slow", "restart_delayed",
                                                       "exited"};
    if (std::ranges::find(kBad, type) != kBad.end()) return Colour::kRed;
    if (std::ranges::find(kNotable, type) != kNotable.end()) return Colour::kYellow;
    return type == "restart_finished" ? Colour::kGreen : Colour::kNone;
}

std::string reason_text(const json& event) {
    const auto& reason = member(event, "reason");
    const auto rule = text_field(reason, "rule");
    if (rule.empty()) return {};
    std::string out = rule;
    const auto measured = text_field(member(reason, "measured"), "text");
    const auto threshold = text_field(member(reason, "threshold"), "text");
    if (!measured.empty()) out += " " + measured;
    if (!threshold.empty()) out += " (threshold " + threshold + ")";
    if (member(reason, "window_ms").is_number())
        out += " within " + milliseconds_field(reason, "window_ms", "");
    return out;
}

void add(std::string& out, const std::string& label, const std::string& value) {
    if (!value.empty()) out += (out.empty() ? "" : ", ") + label + value;
}

std::string facts_text(const json& event) {
    const auto& memory = member(event, "memory");
    std::string out;
    add(out, "outcome ", text_field(event, "outcome"));
    if (member(event, "exit_code").is_number())
        add(out, "exit code ", std::to_string(integer_field(event, "exit_code")));
    add(out, "verdict ", text_field(event, "verdict"));
    if (const auto& victim = member(event, "victim"); member(victim, "pid").is_number())
        add(out, "process ",
            std::to_string(integer_field(victim, "pid")) + " (" + text_field(victim, "comm") + ")");
    add(out, "via ", text_field(event, "via"));
    add(out, "stood still ", milliseconds_field(event, "brake_ms", ""));
    add(out, "drained ", milliseconds_field(event, "drain_ms", ""));
    add(out, "away ", milliseconds_field(event, "total_ms", ""));
    if (member(event, "count").is_number()) add(out, "count ", std::to_string(integer_field(event, "count")));
    add(out, "unreclaimable ", size_field(memory, "unreclaimable", ""));
    add(out, "hard limit ", size_field(memory, "hard", ""));
    if (const auto bound_by = text_field(memory, "bound_by"); !bound_by.empty())
        add(out, "bound by " + policies::printable(bound_by) + ", limit ", size_field(memory, "limit", ""));
    if (integer_field(memory, "growth_per_s") != 0) add(out, "growth ", growth_field(memory, "growth_per_s"));
    add(out, "OOM in ", milliseconds_field(memory, "eta_ms", ""));
    return out;
}

std::string who(const json& event) {
    auto name = text_field(event, "service");
    if (name.empty()) name = text_field(member(event, "container"), "name");
    return name.empty() ? "governor" : policies::printable(name);
}

}  // namespace

std::string event_text(const Console& console, const json& event) {
    const auto type = text_field(event, "type");
    std::string out = text_field(event, "time") + "  #" + std::to_string(integer_field(event, "id")) + "  " +
                      console.paint(Colour::kBold, who(event)) + "  " +
                      console.paint(type_colour(type), policies::printable(type));
    const auto reason = reason_text(event);
    const auto facts = facts_text(event);
    const auto detail = text_field(event, "detail");
    if (!reason.empty()) out += ": " + policies::printable(reason);
    if (!facts.empty()) out += (reason.empty() ? ": " : "; ") + policies::printable(facts);
    if (!detail.empty()) out += " -- " + policies::printable(detail);
    return out;
}

}  // namespace governor::cli
