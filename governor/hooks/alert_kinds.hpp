// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which events are alerts, and what ends them. Pure, never throws, for any thread. docs/hooks.md has the
/// table.
namespace governor::hooks {

enum class Severity : std::uint8_t {
    kCritical,  ///< a person is needed now
    kWarning,   ///< soon
    kInfo,
};
std::string_view to_string(Severity severity);

/// What ends an alert. Each means the container of the alert, where it has one.
enum class Ending : std::uint8_t {
    kByItself,   ///< nothing goes on: it is over when it has happened
    kBack,       ///< the container runs again, or lived on
    kReleased,   ///< quarantine or cap ended
    kUnheld,     ///< a hold was released
    kReserved,   ///< the reservation of the same file is in force
    kAtEase,     ///< the host has memory again
    kConnected,  ///< Docker answers again
    kStored,     ///< events are stored again
};

struct AlertKind {
    std::string_view name;  ///< the label alertname
    Severity severity = Severity::kWarning;
    Ending ending = Ending::kByItself;
    std::vector<std::string_view> labels{};  ///< event keys that are labels too, beside the names
};

/// The alert that an event raises (its JSON, an object), if any: a restart that ended well is none.
std::optional<AlertKind> alert_kind(const nlohmann::json& event);

/// Event types that can raise an alert. A subscription to others alone would never alert.
const std::vector<std::string>& alert_types();

/// Event types that end alerts or tell how it stands with them: an AlertBook needs all of them, whatever the
/// hook subscribed to. Some are alerts too.
const std::vector<std::string>& recovery_types();
bool is_recovery(std::string_view type);

/// Whether a hook with this `on` (types, or globs on them) is told of the type. Who asks for `oom_killed` is
/// told `oom_verdict` too: it is the rest of the same story, with verdict and process.
bool subscribed(const std::vector<std::string>& on, std::string_view type);

}  // namespace governor::hooks
