// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/alert_book.hpp"

#include "governor/hooks/wording.hpp"
#include "governor/publish/render.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace governor::hooks {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// Containers of which something is remembered. Those with alerts are not among what this loses.
constexpr std::size_t kMostPlaces = 5000;
constexpr std::size_t kLongestDescription = 2000;
/// A firing alert that is not sent again ends by itself after so many `resend`: the governor is gone then.
constexpr int kResendsMissed = 3;
/// A replay longer after the fact than this is a restart that came too late to tell what was held back.
constexpr auto kReplayGrace = 60s;

constexpr std::string_view kOomAlert = "OOMKilled";

/// The container that an event is about, as far as it is the same after it was made anew.
std::string place_of(const json& event) {
    std::string name = text_at(event, "container.name");
    if (!name.empty()) return name;
    const std::string service = text_at(event, "service");
    return service.empty() ? std::string() : text_at(event, "project") + "/" + service;
}

std::int64_t monotonic_of(const json& event) {
    const json* at = find_path(event, "monotonic_ns");
    return at != nullptr && at->is_number_integer() ? at->get<std::int64_t>() : -1;
}

bool is_back(std::string_view type) {
    return type == "armed" || type == "restart_finished";
}

bool is_oom(std::string_view verdict) {
    return verdict == "own_limit" || verdict == "ancestor_limit" || verdict == "host_oom";
}

std::string summary_of(const json& event) {
    std::string out = who(event) + ": " + what(event);
    std::string verdict = text_at(event, "verdict");
    std::ranges::replace(verdict, '_', ' ');
    if (!verdict.empty()) out += ", " + verdict;
    if (const std::string process = culprit(event); !process.empty()) out += ", process " + process;
    if (std::string outcome = text_at(event, "outcome"); !outcome.empty()) {
        std::ranges::replace(outcome, '_', ' ');
        out += ", " + outcome;
    }
    return out;
}

std::string description_of(const json& event) {
    std::string out = why(event);
    if (!out.empty()) out += ". ";
    out += text_at(event, "detail");
    if (out.ends_with(' ')) out.pop_back();
    return cut(std::move(out), kLongestDescription);
}

}  // namespace

void AlertBook::apply(const journal::Stored& stored, bool raises) {
    if (stored.id <= last_id_) return;
    last_id_ = stored.id;
    const json event = event_of(stored);
    end(event, stored.time);
    note(event);
    if (!raises) return;
    if (const auto kind = alert_kind(event)) raise(event, *kind, stored.time);
}

void AlertBook::end(const json& event, Moment at) {
    const std::string type = text_at(event, "type");
    const std::string place = place_of(event);
    const std::string id = text_at(event, "container.id");
    const bool died_of_oom = type == "exited" && is_oom(text_at(event, "verdict"));
    for (auto& [key, alert] : alerts_) {
        // By its id too: it may have been renamed since. The alert keeps the labels that it was raised with.
        const bool same =
            !place.empty() && (alert.container == place || (!id.empty() && alert.container_id == id));
        if (same && died_of_oom && alert.kind.name == kOomAlert) {
            // PID 1 passed the end of its child on: it did not live on after all.
            if (alert.over) ++alert.version;
            alert.over.reset();
        } else if (!alert.over && ends(alert, event, type, same)) {
            alert.over = at;
        }
    }
}

bool AlertBook::ends(const Alert& alert, const json& event, std::string_view type, bool same) const {
    switch (alert.kind.ending) {
        case Ending::kByItself:
            return false;
        case Ending::kBack:
            return same && is_back(type);
        case Ending::kReleased: {
            if (!same) return false;
            // In quarantine it is neither asked to stop nor restarted.
            if (type == "breaker_released" || type == "signalled" || type == "restart_finished") return true;
            if (alert.kind.name == "CapFrozen") return type == "exited" || type == "left_alone";
            const auto place = places_.find(place_of(event));
            return type == "exited" && place != places_.end() && place->second.left_alone;
        }
        case Ending::kUnheld:
            return same && (type == "hold_released" || type == "exited" || type == "left_alone");
        case Ending::kReserved:
            if (same && type == "reserved") {
                const auto file = alert.labels.find("file");
                return file != alert.labels.end() && file->second == text_at(event, "file");
            }
            // Another container in its place, or another governor, tells anew when it is short.
            return type == "governor_started" ||
                   (same && type == "armed" && alert.container_id != text_at(event, "container.id"));
        case Ending::kAtEase:
            return type == "host_at_ease" || type == "governor_started";
        case Ending::kConnected:
            return type == "docker_connected" || type == "governor_started";
        case Ending::kStored:
            return type == "journal_recovered";
    }
    return false;
}

void AlertBook::note(const json& event) {
    const std::string type = text_at(event, "type");
    // All containers are armed anew, and CLOCK_MONOTONIC may have begun anew.
    if (type == "governor_started" || places_.size() > kMostPlaces) places_.clear();
    const std::string name = place_of(event);
    if (name.empty()) return;
    if (type != "left_alone" && type != "exited" && !is_back(type)) {
        if (const auto found = places_.find(name); found != places_.end()) found->second.left_alone = false;
        return;
    }
    Place& place = places_[name];
    place.left_alone = type == "left_alone";
    if (type == "exited") place.down = true;
    if (is_back(type)) {
        place.down = false;
        place.back_ns = monotonic_of(event);
    }
}

bool AlertBook::over_at_once(const json& event, const AlertKind& kind) const {
    if (kind.ending == Ending::kByItself) return true;
    if (kind.name != kOomAlert) return false;
    // A container without a policy, or the host itself: nobody will tell that it is back.
    if (text_at(event, "policy").empty() || place_of(event).empty()) return true;
    const json* main = find_path(event, "victim.main");
    const bool died = main != nullptr && *main == true;
    const auto found = places_.find(place_of(event));
    if (found == places_.end()) return !died;
    // The verdict comes seconds after the kill, and it may have been started again by then.
    if (died) return found->second.back_ns > monotonic_of(event);
    return !found->second.down;
}

bool AlertBook::verdict_told(const std::string& container, Moment at) const {
    return std::ranges::any_of(alerts_, [&](const auto& each) {
        const Alert& alert = each.second;
        return alert.kind.name == kOomAlert && alert.container == container &&
               alert.labels.contains("verdict") && at - alert.last <= kVerdictWithin;
    });
}

void AlertBook::verdict_replaces(const std::string& container, Moment at) {
    for (auto each = alerts_.begin(); each != alerts_.end();) {
        Alert& alert = each->second;
        const bool only_counted =
            alert.kind.name == kOomAlert && alert.container == container && !alert.labels.contains("verdict");
        if (only_counted && !alert.sent_last) {
            each = alerts_.erase(each);
            continue;
        }
        if (only_counted && !alert.replaced_at) alert.replaced_at = at;
        ++each;
    }
}

void AlertBook::raise(const json& event, const AlertKind& kind, Moment at) {
    const std::string type = text_at(event, "type");
    const std::string place = place_of(event);
    const bool only_counted = type == "oom_killed";
    if (only_counted && verdict_told(place, at)) return;
    if (type == "oom_verdict") verdict_replaces(place, at);

    Labels labels = labels_of(event, kind);
    std::string key = json(labels).dump(-1, ' ', false, json::error_handler_t::replace);
    Alert& alert = alerts_[key];
    const bool again = alert.version != 0 && !alert.replaced_at;
    // One that is over by now was another one, even if nobody has been told yet.
    const auto ended = again ? resolves_at(alert) : std::nullopt;
    if (!again || (ended && *ended <= at)) {
        const std::uint64_t version = alert.version;
        alert = Alert{};
        alert.version = version;
        alert.sent_version = version;
        alert.since = at;
        if (only_counted) alert.held_until = at + kVerdictWithin;
    }
    alert.kind = kind;
    alert.labels = std::move(labels);
    alert.container = place;
    alert.container_id = text_at(event, "container.id");
    alert.summary = summary_of(event);
    alert.description = description_of(event);
    alert.event_id = last_id_;
    alert.last = at;
    alert.over.reset();
    if (over_at_once(event, kind)) alert.over = at;
    ++alert.version;
    make_room();
}

AlertBook::Labels AlertBook::labels_of(const json& event, const AlertKind& kind) const {
    Labels labels{{"alertname", std::string(kind.name)},  {"severity", std::string(to_string(kind.severity))},
                  {"host", settings_.origin.host},        {"service", text_at(event, "service")},
                  {"project", text_at(event, "project")}, {"container", text_at(event, "container.name")},
                  {"policy", text_at(event, "policy")},   {"culprit", text_at(event, "victim.comm")}};
    for (const std::string_view name : kind.labels) labels[std::string(name)] = text_at(event, name);
    // To Alertmanager an empty label is none, and some versions refuse it.
    std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
    return labels;
}

void AlertBook::make_room() {
    if (alerts_.size() <= kMost) return;
    alerts_.erase(std::ranges::min_element(
        alerts_, {}, [](const auto& each) { return std::pair(each.second.last, each.second.event_id); }));
}

std::optional<AlertBook::Moment> AlertBook::resolves_at(const Alert& alert) const {
    if (!alert.told) return std::nullopt;
    if (alert.replaced_at) return std::max(*alert.replaced_at, *alert.told);
    std::optional<Moment> over = alert.over;
    if (!over && (alert.kind.ending == Ending::kBack || alert.kind.ending == Ending::kReserved))
        over = alert.last + kGoneAfter;
    if (!over) return std::nullopt;
    return std::max({*over, alert.last, *alert.told}) + settings_.resolve_after;
}

std::optional<AlertBook::Moment> AlertBook::due_at(const Alert& alert) const {
    if (alert.held_until && !alert.sent_last) return alert.held_until;
    if (!alert.sent_last || alert.version != alert.sent_version) return alert.last;
    const Moment again = *alert.sent_last + settings_.resend;
    const auto over = resolves_at(alert);
    return over ? std::min(*over, again) : again;
}

std::optional<AlertBook::Moment> AlertBook::next_due() const {
    std::optional<Moment> out;
    for (const auto& [key, alert] : alerts_) {
        const auto at = due_at(alert);
        if (at && (!out || *at < *out)) out = at;
    }
    return out;
}

json AlertBook::render(const Alert& alert, Moment now) const {
    const auto over = resolves_at(alert);
    const bool resolved = over && *over <= now;
    const Moment ends = resolved ? *over : now + settings_.resend * kResendsMissed;
    return {{"labels", alert.labels},
            {"annotations",
             {{"summary", alert.summary},
              {"description", alert.description},
              {"event_id", std::to_string(alert.event_id)}}},
            {"startsAt", publish::rfc3339(alert.since)},
            // Never before its start, whatever the wall clock did meanwhile: Alertmanager refuses that.
            {"endsAt", publish::rfc3339(std::max(ends, alert.since + 1ms))}};
}

AlertBook::Batch AlertBook::due(Moment now) const {
    Batch out;
    json body = json::array();
    for (const auto& [key, alert] : alerts_) {
        const auto at = due_at(alert);
        // An event that was stamped ahead of `now` is new all the same.
        const bool fresh = alert.version != alert.sent_version && !alert.held_until;
        if (!fresh && (!at || *at > now)) continue;
        const auto over = resolves_at(alert);
        out.entries.push_back({key, alert.version, over && *over <= now});
        out.event_id = std::max(out.event_id, alert.event_id);
        body.push_back(render(alert, now));
    }
    if (!out.empty()) out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return out;
}

void AlertBook::sent(const Batch& batch, Moment now) {
    for (const Batch::Entry& entry : batch.entries) {
        const auto found = alerts_.find(entry.key);
        if (found == alerts_.end()) continue;
        Alert& alert = found->second;
        if (entry.resolved) {
            if (alert.version == entry.version) alerts_.erase(found);
            continue;
        }
        if (!alert.told) alert.told = now;
        alert.sent_last = now;
        alert.sent_version = std::max(alert.sent_version, entry.version);
        alert.held_until.reset();
    }
}

void AlertBook::clock_set(std::chrono::milliseconds jump) {
    for (auto& [key, alert] : alerts_) {
        alert.since += jump;
        alert.last += jump;
        for (auto* moment :
             {&alert.over, &alert.held_until, &alert.replaced_at, &alert.told, &alert.sent_last})
            if (*moment) **moment += jump;
    }
}

void AlertBook::replayed(Moment now) {
    for (auto each = alerts_.begin(); each != alerts_.end();) {
        Alert& alert = each->second;
        bool forgotten = false;
        if (!alert.held_until || *alert.held_until + kReplayGrace <= now) {
            alert.held_until.reset();
            alert.told = alert.since;
            // Alertmanager has ended those of which it heard nothing for so long.
            const auto over = resolves_at(alert);
            forgotten = over && *over + settings_.resend * kResendsMissed <= now;
        }
        each = forgotten ? alerts_.erase(each) : std::next(each);
    }
}

}  // namespace governor::hooks
