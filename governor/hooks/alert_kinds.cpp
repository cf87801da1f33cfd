// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/alert_kinds.hpp"

#include "governor/hooks/wording.hpp"
#include "policies/policy.hpp"

#include <algorithm>
#include <utility>

namespace governor::hooks {
namespace {

struct Row {
    std::string_view type;
    AlertKind kind;
};

/// What docs/events.md says to alert on. The labels of the OOM alerts besides the names are verdict and
/// process, which only the verdict knows.
const std::vector<Row>& rows() {
    using enum Severity;
    using enum Ending;
    static const std::vector<Row> table{
        {"oom_verdict", {"OOMKilled", kCritical, kBack, {"verdict"}}},
        {"oom_killed", {"OOMKilled", kCritical, kBack}},
        {"killed", {"KilledByGovernor", kCritical, kBack}},
        {"breaker_opened", {"BreakerOpened", kCritical, kReleased}},
        {"cap_frozen", {"CapFrozen", kCritical, kReleased}},
        {"held", {"ContainerHeld", kCritical, kUnheld}},
        {"host_short", {"HostShort", kCritical, kAtEase}},
        {"restart_finished", {"RestartNotGraceful", kWarning, kByItself, {"outcome"}}},
        {"restart_delayed", {"RestartDelayed", kWarning, kBack}},
        {"action_failed", {"ActionFailed", kWarning, kByItself}},
        {"brake_lost", {"BrakeLost", kWarning, kByItself}},
        {"recycle_failed", {"RecycleFailed", kWarning, kByItself}},
        {"docker_slow", {"DockerSlow", kWarning, kByItself}},
        {"docker_disconnected", {"DockerDisconnected", kWarning, kConnected}},
        {"protection_short", {"ProtectionShort", kWarning, kReserved, {"file"}}},
        {"drift_storm", {"DriftStorm", kWarning, kByItself, {"file"}}},
        {"journal_degraded", {"JournalDegraded", kWarning, kStored}},
        {"journal_damaged", {"JournalDamaged", kWarning, kByItself}},
        {"journal_events_lost", {"JournalEventsLost", kWarning, kByItself}},
        {"oom_near", {"NearOOM", kInfo, kByItself}},
        {"give_way", {"GivesWay", kInfo, kByItself}},
    };
    return table;
}

}  // namespace

std::string_view to_string(Severity severity) {
    switch (severity) {
        case Severity::kCritical:
            return "critical";
        case Severity::kWarning:
            return "warning";
        case Severity::kInfo:
            return "info";
    }
    return "unknown";
}

std::optional<AlertKind> alert_kind(const nlohmann::json& event) {
    const std::string type = text_at(event, "type");
    if (type == "restart_finished") {
        // Without an outcome its exit was missed: nobody knows that anything was lost.
        const std::string outcome = text_at(event, "outcome");
        if (outcome.empty() || outcome == "graceful") return std::nullopt;
    }
    const auto found = std::ranges::find(rows(), type, &Row::type);
    if (found == rows().end()) return std::nullopt;
    return found->kind;
}

const std::vector<std::string>& alert_types() {
    static const std::vector<std::string> types = [] {
        std::vector<std::string> out;
        for (const Row& row : rows()) out.emplace_back(row.type);
        return out;
    }();
    return types;
}

const std::vector<std::string>& recovery_types() {
    static const std::vector<std::string> types{"armed",      "restart_finished", "exited",
                                                "left_alone", "breaker_released", "hold_released",
                                                "signalled",  "docker_connected", "journal_recovered",
                                                "reserved",   "host_at_ease",     "governor_started"};
    return types;
}

bool is_recovery(std::string_view type) {
    return std::ranges::find(recovery_types(), type) != recovery_types().end();
}

bool subscribed(const std::vector<std::string>& on, std::string_view type) {
    return std::ranges::any_of(on, [type](const std::string& pattern) {
        return policies::glob_matches(pattern, type) ||
               (type == "oom_verdict" && policies::glob_matches(pattern, "oom_killed"));
    });
}

}  // namespace governor::hooks
