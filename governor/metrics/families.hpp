// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// The metrics: what happened, counted, and how things are now, as Prometheus text.
namespace governor::metrics {

/// Every metric there is. The names are API (docs/metrics.md).
enum class FamilyId : std::uint8_t {
    kMemoryCurrent,
    kMemoryUnreclaimable,
    kHardLimit,
    kLimit,
    kHeadroom,
    kTripwire,
    kReserved,
    kEffectiveProtection,
    kProtectionShort,
    kOomEta,
    kPressure,
    kPhase,
    kQuarantined,
    kTrips,
    kFalseTrips,
    kRestarts,
    kRecycles,
    kOomKills,
    kBrake,
    kDrain,
    kAway,
    kHostAvailable,
    kHostKeepFree,
    kHostShort,
    kGiveWays,
    kContainers,
    kDockerConnected,
    kEvents,
    kDriftRepairs,
    kHookDeliveries,
    kQueueDepth,
    kQueueDropped,
    kLoopLag,
    kBuildInfo,
    kResident,
    kCpu,
    kOpenFds,
    kStartTime,
};

enum class Kind : std::uint8_t { kGauge, kCounter, kHistogram };

struct Family {
    FamilyId id = FamilyId::kMemoryCurrent;
    std::string_view name;
    Kind kind = Kind::kGauge;
    std::string_view help;
};

/// In the order in which they are written.
std::span<const Family> families();
const Family& family(FamilyId id);

}  // namespace governor::metrics
