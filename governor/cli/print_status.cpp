// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/print_status.hpp"

#include "governor/cli/fields.hpp"
#include "governor/cli/table.hpp"
#include "policies/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace governor::cli {
namespace {

using nlohmann::json;
using Align = Table::Align;

Colour phase_colour(std::string_view phase) {
    if (phase == "watching") return Colour::kGreen;
    if (phase == "quarantined") return Colour::kRed;
    if (phase == "signalling" || phase == "draining" || phase == "exited" || phase == "backing_off")
        return Colour::kYellow;
    return Colour::kDim;
}

/// The limit that binds; where it is not the container's own, with the cgroup whose limit it is.
std::string limit_text(const json& service) {
    const std::string bound_by = text_field(service, "bound_by");
    const std::string limit = size_field(service, bound_by.empty() ? "hard" : "limit", "no limit");
    return bound_by.empty() ? limit : limit + " (" + policies::printable(bound_by) + ")";
}

/// How full the limit that binds is: the number that people read first.
Table::Cell used_cell(const json& service) {
    // A daemon of an older version has no `limit`.
    const auto& hard = member(service, member(service, "limit").is_number() ? "limit" : "hard");
    const auto& used = member(service, "unreclaimable");
    if (!hard.is_number() || !used.is_number() || hard.get<std::uint64_t>() == 0) return {"-"};
    const auto percent = static_cast<int>(100.0 * used.get<double>() / hard.get<double>());
    const auto colour = percent >= 90 ? Colour::kRed : percent >= 75 ? Colour::kYellow : Colour::kNone;
    return {std::to_string(percent) + "%", colour};
}

Table::Cell phase_cell(const json& service) {
    auto phase = text_field(service, "phase");
    const auto colour = phase_colour(phase);
    if (flag_field(service, "quarantined") && phase != "quarantined") phase += ", quarantined";
    if (flag_field(service, "frozen")) phase += ", frozen";
    return {phase, colour};
}

/// Replicas and projects only when they are needed to tell services apart.
std::string name_of(const json& service, bool one_project) {
    auto name = text_field(service, "service");
    if (name.empty()) name = text_field(service, "container");
    const auto project = text_field(service, "project");
    return one_project || project.empty() ? name : project + "/" + name;
}

bool is_one_project(const json& services) {
    return std::ranges::all_of(services, [&](const json& service) {
        return text_field(service, "project") == text_field(services.front(), "project");
    });
}

std::string head_text(const Console& console, const json& status) {
    const auto& docker = member(status, "docker");
    std::string out = console.paint(Colour::kBold, "governor " + text_field(status, "version"));
    if (const auto started = text_field(status, "started"); !started.empty()) out += ", since " + started;
    if (flag_field(status, "dry"))
        out += ", " + console.paint(Colour::kYellow, "dry run: nothing is acted upon");
    out += "\n";
    if (flag_field(docker, "connected")) {
        out += "Docker " + text_field(docker, "version") + " (API " + text_field(docker, "api") +
               ", cgroup driver " + text_field(docker, "cgroup_driver") + ")";
    } else {
        out += console.paint(Colour::kRed, "Docker does not answer") +
               ": the limits in the kernel hold, restarts wait";
    }
    const auto mount = text_field(member(status, "cgroup"), "mount");
    if (!mount.empty()) out += ", cgroup v2 at " + mount;
    return out + "\n";
}

std::string or_dash(std::string text) {
    return text.empty() ? "-" : text;
}

void append_policy(std::string& out, const Console& console, const json& explanation) {
    const auto& thresholds = member(explanation, "policy");
    if (!thresholds.is_array() || thresholds.empty()) return;
    Table table({{"THRESHOLD"}, {"VALUE", Align::kRight}, {"RAW", Align::kRight}});
    for (const auto& each : thresholds) {
        const auto& raw = member(each, "value");
        const auto text = raw.is_number() ? raw.dump() : raw.is_null() ? "no limit" : "";
        table.add({{text_field(each, "name")}, {text_field(each, "text")}, {text, Colour::kDim}});
    }
    out += "\n" + table.text(console);
}

void append_events(std::string& out, const Console& console, const json& explanation) {
    const auto& events = member(explanation, "events");
    if (!events.is_array() || events.empty()) return;
    out += "\n" + console.paint(Colour::kBold, "LAST EVENTS") + "\n";
    for (const auto& event : events) out += event_text(console, event) + "\n";
}

void append_notes(std::string& out, const Console& console, const json& explanation) {
    const auto& notes = member(explanation, "notes");
    if (!notes.is_array() || notes.empty()) return;
    out += "\n" + console.paint(Colour::kBold, "NOTES") + "\n";
    for (const auto& note : notes) {
        if (note.is_string()) out += "- " + policies::printable(note.get<std::string>()) + "\n";
    }
}

std::string memory_text(const Console& console, const json& service) {
    Table table({{"MEMORY"}, {"", Align::kRight}});
    table.add({{"in use"}, {size_field(service, "current", "not measured")}});
    table.add({{"unreclaimable"}, {size_field(service, "unreclaimable", "not measured")}});
    table.add({{"tripwire"}, {size_field(service, "tripwire", "no limit")}});
    table.add({{"hard limit"}, {size_field(service, "hard", "no limit")}});
    if (!text_field(service, "bound_by").empty())
        table.add({{"bound by " + policies::printable(text_field(service, "bound_by"))},
                   {size_field(service, "limit", "no limit")}});
    table.add({{"headroom"}, {size_field(service, "headroom", "-")}});
    table.add({{"growth"}, {growth_field(service, "growth_per_s")}});
    table.add({{"OOM in"}, {milliseconds_field(service, "eta_ms", "not growing")}});
    table.add({{"restarts in window"}, {std::to_string(integer_field(service, "restarts_in_window"))}});
    const auto ago = milliseconds_field(service, "last_sample_ms_ago", "");
    table.add({{"last look"}, {ago.empty() ? "never" : ago + " ago"}});
    return table.text(console);
}

std::string kept_by(const json& reserve) {
    return text_field(reserve, "via") == "systemd" ? "systemd" : "files only";
}

/// "yes", "NO", or "-" as long as nobody has looked.
Table::Cell guaranteed_cell(const json& reserve) {
    const auto& guaranteed = member(reserve, "guaranteed");
    if (!guaranteed.is_boolean()) return {"-"};
    return guaranteed.get<bool>() ? Table::Cell{"yes", Colour::kGreen} : Table::Cell{"NO", Colour::kRed};
}

/// Only for those that have a reservation: most stacks have one or two.
std::string reservations_text(const Console& console, const json& services, bool one_project) {
    Table table({{"RESERVED"},
                 {"MIN", Align::kRight},
                 {"HONOURED", Align::kRight},
                 {"LOW", Align::kRight},
                 {"HONOURED", Align::kRight},
                 {"GUARANTEED"},
                 {"KEPT BY"}});
    bool any = false;
    for (const auto& service : services) {
        const auto& reserve = member(service, "reserve");
        if (!reserve.is_object()) continue;
        any = true;
        table.add({{name_of(service, one_project)},
                   {size_field(reserve, "min", "-")},
                   {size_field(reserve, "effective_min", "-")},
                   {size_field(reserve, "low", "-")},
                   {size_field(reserve, "effective_low", "-")},
                   guaranteed_cell(reserve),
                   {kept_by(reserve)}});
    }
    return any ? "\n" + table.text(console) : std::string();
}

std::string reserve_text(const Console& console, const json& service) {
    const auto& reserve = member(service, "reserve");
    if (!reserve.is_object()) return {};
    Table table({{"RESERVATION"}, {"", Align::kRight}});
    table.add({{"memory.min"}, {size_field(reserve, "min", "-")}});
    table.add({{"honoured now"}, {size_field(reserve, "effective_min", "-")}});
    table.add({{"memory.low"}, {size_field(reserve, "low", "-")}});
    table.add({{"honoured now"}, {size_field(reserve, "effective_low", "-")}});
    table.add({{"all guaranteed"}, guaranteed_cell(reserve)});
    table.add({{"kept by"}, {kept_by(reserve)}});
    std::string out = "\n" + table.text(console);
    const auto problem = text_field(reserve, "problem");
    if (!problem.empty()) out += policies::printable(problem) + "\n";
    return out;
}

}  // namespace

namespace {

/// A target that fails is what somebody looks for here: who is told nothing may believe that all is well.
std::string hooks_text(const Console& console, const json& hooks) {
    if (!hooks.is_array() || hooks.empty()) return {};
    Table table({{"HOOK"},
                 {"KIND"},
                 {"STATE"},
                 {"DELIVERED", Align::kRight},
                 {"FAILED", Align::kRight},
                 {"UNDELIVERED", Align::kRight},
                 {"LAST ERROR"}});
    for (const auto& hook : hooks) {
        const std::string state = text_field(hook, "state");
        table.add({{text_field(hook, "name")},
                   {text_field(hook, "kind")},
                   {state, state == "good" ? Colour::kGreen : Colour::kRed},
                   {std::to_string(integer_field(hook, "delivered"))},
                   {std::to_string(integer_field(hook, "failed"))},
                   {std::to_string(integer_field(hook, "undelivered"))},
                   {policies::printable(text_field(hook, "last_error"))}});
    }
    return "\n" + table.text(console);
}

/// Who holds the memory, and what would be done about it now.
std::string outlook_text(const Console& console, const json& outlook) {
    const auto& holders = member(outlook, "holders");
    if (!holders.is_array() || holders.empty()) return {};
    Table table({{"PROCESS"},
                 {"PID", Align::kRight},
                 {"HOLDS", Align::kRight},
                 {"SHARE", Align::kRight},
                 {"GROWTH", Align::kRight}});
    for (const auto& holder : holders) {
        const policies::Permille share{static_cast<std::int32_t>(integer_field(holder, "permille"))};
        table.add({{policies::printable(text_field(holder, "comm"))},
                   {std::to_string(integer_field(holder, "pid"))},
                   {size_field(holder, "bytes", "-")},
                   {to_string(share)},
                   {growth_field(holder, "growth_per_s")}});
    }
    std::string out = "\n" + console.paint(Colour::kBold, "PROCESSES") + " (the largest of " +
                      std::to_string(integer_field(outlook, "processes")) + ")\n" + table.text(console);
    const auto& near = member(outlook, "near_oom");
    if (near.is_object()) out += policies::printable(text_field(near, "text")) + "\n";
    return out;
}

}  // namespace

std::string status_text(const Console& console, const json& status) {
    std::string out = head_text(console, status);
    const auto& services = member(status, "services");
    if (!services.is_array() || services.empty()) {
        return out +
               "\nno containers are watched: none runs that a policy matches (`governor doctor` tells which "
               "would)\n" +
               hooks_text(console, member(status, "hooks"));
    }
    const bool one_project = is_one_project(services);
    Table table({{"SERVICE"},
                 {"POLICY"},
                 {"PHASE"},
                 {"UNRECLAIMABLE", Align::kRight},
                 {"LIMIT", Align::kRight},
                 {"USED", Align::kRight},
                 {"TRIPWIRE", Align::kRight},
                 {"HEADROOM", Align::kRight},
                 {"GROWTH", Align::kRight},
                 {"OOM IN", Align::kRight},
                 {"RESTARTS", Align::kRight}});
    for (const auto& service : services) {
        table.add({{name_of(service, one_project)},
                   {or_dash(text_field(service, "policy"))},
                   phase_cell(service),
                   {size_field(service, "unreclaimable", "-")},
                   {limit_text(service)},
                   used_cell(service),
                   {size_field(service, "tripwire", "no limit")},
                   {size_field(service, "headroom", "-")},
                   {growth_field(service, "growth_per_s")},
                   {milliseconds_field(service, "eta_ms", "-")},
                   {std::to_string(integer_field(service, "restarts_in_window"))}});
    }
    return out + "\n" + table.text(console) + reservations_text(console, services, one_project) +
           hooks_text(console, member(status, "hooks"));
}

std::string explain_text(const Console& console, const json& explanation) {
    const auto& service = member(explanation, "service");
    std::string out = console.paint(Colour::kBold, policies::printable(name_of(service, false)));
    out += "  container " + policies::printable(text_field(service, "container")) + " (" +
           text_field(service, "id").substr(0, 12) + "), policy " +
           policies::printable(or_dash(text_field(service, "policy"))) + "\n";
    const auto phase = phase_cell(service);
    out += console.paint(phase.colour, policies::printable(phase.text)) + ": " +
           policies::printable(text_field(explanation, "phase_text")) + "\n\n";
    out += memory_text(console, service) + reserve_text(console, service);
    out += outlook_text(console, member(explanation, "outlook"));
    append_policy(out, console, explanation);
    append_events(out, console, explanation);
    append_notes(out, console, explanation);
    return out;
}

}  // namespace governor::cli
