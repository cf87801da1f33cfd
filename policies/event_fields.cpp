// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/event_fields.hpp"

#include <array>

namespace policies {

std::span<const std::string_view> event_field_names() {
    // As governor/publish/render_json.cpp makes them; a test there compares the two.
    static constexpr std::array<std::string_view, 61> kNames{
        "time",
        "id",
        "type",
        "service",
        "project",
        "policy",
        "container.id",
        "container.name",
        "container.image",
        "container.number",
        "reason.rule",
        "reason.measured.bytes",
        "reason.measured.ms",
        "reason.measured.permille",
        "reason.measured.count",
        "reason.measured.text",
        "reason.threshold.bytes",
        "reason.threshold.ms",
        "reason.threshold.permille",
        "reason.threshold.count",
        "reason.threshold.text",
        "reason.window_ms",
        "memory.current",
        "memory.unreclaimable",
        "memory.hard",
        "memory.tripwire",
        "memory.peak",
        "memory.growth_per_s",
        "memory.eta_ms",
        "outcome",
        "via",
        "exit_code",
        "stop_handling",
        "brake_ms",
        "drain_ms",
        "total_ms",
        "away.stop_ms",
        "away.docker_ms",
        "away.start_ms",
        "away.healthy_ms",
        "count",
        "frozen",
        "process.pid",
        "process.comm",
        "process.bytes",
        "process.growth_per_s",
        "freed",
        "holders",
        "file",
        "cause",
        "verdict",
        "evidence",
        "victim.pid",
        "victim.comm",
        "victim.rss",
        "victim.oom_score_adj",
        "victim.main",
        "docker_agrees",
        "samples",
        "monotonic_ns",
        "detail",
    };
    return kNames;
}

}  // namespace policies
