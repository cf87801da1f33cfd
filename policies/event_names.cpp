// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/event_names.hpp"

#include "policies/event.hpp"

#include <array>
#include <vector>

namespace policies {
namespace {

/// What the daemon tells of itself. No enumeration has them: grep `tell(` and gap_line in governor/.
constexpr std::array<std::string_view, 15> kOwnTypes{
    "governor_started", "governor_stopping", "policies_reloaded", "docker_connected", "docker_disconnected",
    "log_lines_lost",   "journal_degraded",  "journal_recovered", "journal_damaged",  "journal_events_lost",
    "kernel_log_lost",  "hook_failing",      "hook_recovered",    "hook_undelivered", "events_client_dropped",
};

std::vector<std::string_view> all_names() {
    std::vector<std::string_view> names;
    // The enumeration counts up from 0, and to_string() calls what is beyond it unknown.
    for (int value = 0;; ++value) {
        const auto name = to_string(static_cast<EventType>(value));
        if (name == "unknown") break;
        names.push_back(name);
    }
    names.insert(names.end(), kOwnTypes.begin(), kOwnTypes.end());
    return names;
}

}  // namespace

std::span<const std::string_view> event_type_names() {
    static const auto names = all_names();
    return names;
}

}  // namespace policies
