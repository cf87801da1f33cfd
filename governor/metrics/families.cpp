// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/families.hpp"

#include <array>
#include <cstddef>

namespace governor::metrics {
namespace {

constexpr std::array kFamilies{
    Family{FamilyId::kMemoryCurrent, "governor_container_memory_current_bytes", Kind::kGauge,
           "memory.current of the container, page cache included."},
    Family{FamilyId::kMemoryUnreclaimable, "governor_container_memory_unreclaimable_bytes", Kind::kGauge,
           "Memory of the container that reclaim cannot give back."},
    Family{FamilyId::kHardLimit, "governor_container_memory_hard_limit_bytes", Kind::kGauge,
           "memory.max of the container; absent without a limit."},
    Family{
        FamilyId::kLimit, "governor_container_memory_limit_bytes", Kind::kGauge,
        "The limit that binds, as the container sees it; bound_by is \"container\" or the cgroup above whose "
        "limit it is. Absent without any limit."},
    Family{FamilyId::kHeadroom, "governor_container_memory_headroom_bytes", Kind::kGauge,
           "The limit that binds less unreclaimable memory; absent without any limit."},
    Family{FamilyId::kTripwire, "governor_container_memory_tripwire_bytes", Kind::kGauge,
           "memory.high of the container; absent without one."},
    Family{FamilyId::kReserved, "governor_container_memory_reserved_bytes", Kind::kGauge,
           "Reservation that the policy asks for, by kind (min or low)."},
    Family{FamilyId::kEffectiveProtection, "governor_container_memory_effective_protection_bytes",
           Kind::kGauge, "What the kernel honours of a reservation now, by kind (min or low)."},
    Family{FamilyId::kProtectionShort, "governor_container_protection_short", Kind::kGauge,
           "1 when the kernel would honour less than the reservation asks for."},
    Family{FamilyId::kOomEta, "governor_container_oom_eta_seconds", Kind::kGauge,
           "Forecast time until the limit that binds is reached; +Inf while the container does not grow."},
    Family{FamilyId::kPressure, "governor_container_memory_pressure_ratio", Kind::kGauge,
           "Share of the last 10 s in which tasks waited for memory (PSI avg10), by kind (some or full)."},
    Family{FamilyId::kPhase, "governor_container_phase", Kind::kGauge,
           "1 for the phase in which the container is; the other phases are absent."},
    Family{FamilyId::kQuarantined, "governor_container_quarantined", Kind::kGauge,
           "1 while the breaker keeps the container in quarantine."},
    Family{FamilyId::kTrips, "governor_container_trips_total", Kind::kCounter,
           "Times that the container came near OOM (event oom_near)."},
    Family{FamilyId::kFalseTrips, "governor_container_false_trips_total", Kind::kCounter,
           "Times that page cache alone fired the tripwire (event page_cache_churn)."},
    Family{FamilyId::kRestarts, "governor_container_restarts_total", Kind::kCounter,
           "Finished restarts by the governor, by outcome."},
    Family{FamilyId::kRecycles, "governor_container_recycles_total", Kind::kCounter,
           "Processes of a pool that were ended instead of the container, by outcome; failed: a restart "
           "followed."},
    Family{FamilyId::kOomKills, "governor_container_oom_kills_total", Kind::kCounter,
           "Kills by the kernel's OOM killer, by verdict."},
    Family{FamilyId::kBrake, "governor_container_brake_seconds", Kind::kHistogram,
           "Time from the trip to the thaw, of finished restarts."},
    Family{FamilyId::kDrain, "governor_container_drain_seconds", Kind::kHistogram,
           "Time from the thaw to the exit, of finished restarts."},
    Family{FamilyId::kAway, "governor_restart_away_seconds", Kind::kHistogram,
           "Time away of finished restarts, by part (stop, docker, start, healthy)."},
    Family{FamilyId::kHostAvailable, "governor_host_memory_available_bytes", Kind::kGauge,
           "MemAvailable of the host."},
    Family{FamilyId::kHostKeepFree, "governor_host_memory_keep_free_bytes", Kind::kGauge,
           "host.keep_free of the policy; absent without it."},
    Family{FamilyId::kHostShort, "governor_host_short", Kind::kGauge,
           "1 while the host runs short of memory."},
    Family{FamilyId::kGiveWays, "governor_give_ways_total", Kind::kCounter,
           "Services that were restarted because the host ran short."},
    Family{FamilyId::kContainers, "governor_containers", Kind::kGauge, "Containers that are watched."},
    Family{FamilyId::kDockerConnected, "governor_docker_connected", Kind::kGauge,
           "1 while Docker's event stream is connected."},
    Family{FamilyId::kEvents, "governor_events_total", Kind::kCounter, "Events told, by type."},
    Family{FamilyId::kDriftRepairs, "governor_drift_repairs_total", Kind::kCounter,
           "Values that something else had changed and that were set back, by file."},
    Family{FamilyId::kHookDeliveries, "governor_hook_deliveries_total", Kind::kCounter,
           "Attempts to deliver an event to a hook, by target and result."},
    Family{FamilyId::kQueueDepth, "governor_queue_depth", Kind::kGauge,
           "What waits in a queue of the governor."},
    Family{FamilyId::kQueueDropped, "governor_queue_dropped_total", Kind::kCounter,
           "What a full queue of the governor, or its other end, has lost."},
    Family{FamilyId::kLoopLag, "governor_loop_lag_seconds", Kind::kHistogram,
           "How late the loop was for a timer, looked at once a second while somebody scrapes."},
    Family{FamilyId::kBuildInfo, "governor_build_info", Kind::kGauge,
           "Always 1; the label says which version."},
    Family{FamilyId::kResident, "process_resident_memory_bytes", Kind::kGauge,
           "Resident memory of the governor."},
    Family{FamilyId::kCpu, "process_cpu_seconds_total", Kind::kCounter,
           "CPU time that the governor has used, user and system."},
    Family{FamilyId::kOpenFds, "process_open_fds", Kind::kGauge, "File descriptors that the governor holds."},
    Family{FamilyId::kStartTime, "process_start_time_seconds", Kind::kGauge,
           "When the governor was started, since the epoch."},
};

/// family() indexes by the enumeration.
constexpr bool in_order() {
    for (std::size_t i = 0; i < kFamilies.size(); ++i)
        if (static_cast<std::size_t>(kFamilies[i].id) != i) return false;
    return true;
}
static_assert(in_order());

}  // namespace

std::span<const Family> families() {
    return kFamilies;
}

const Family& family(FamilyId id) {
    return kFamilies.at(static_cast<std::size_t>(id));
}

}  // namespace governor::metrics
