// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"
#include "policies/policy.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// The decision when the host as a whole runs short: who gives way, or that nobody does because the memory
/// went elsewhere. Pure, like step(): no clock, no I/O.
namespace policies {

/// /proc/meminfo and the root's PSI, and what the containers hold of it.
struct HostSample {
    Bytes total;
    Bytes available;  ///< MemAvailable
    Permille some{};  ///< avg10 of /proc/pressure/memory
    Permille full{};
    /// Unreclaimable memory of all containers that a candidate's policy may act upon, and of all others that
    /// Docker runs. The rest of what is used belongs to processes outside Docker.
    Bytes governed;
    Bytes ungoverned;
    bool operator==(const HostSample&) const = default;
};

/// A service that may give way. Those with `never`, without `priority` or without an acting `near_oom` are
/// not offered; the caller cannot name them (see governor::Deed).
struct HostCandidate {
    std::size_t index = 0;  ///< the caller's
    int priority = 0;
    Bytes unreclaimable;
    bool ready = false;  ///< watched, and not in the middle of something; its back-off and breaker allow it
};

struct HostInput {
    TimePoint now;
    HostSample sample;
    bool pressure_fired = false;  ///< the PSI trigger of `host.pressure` has fired since the last input
    bool victim_done = false;     ///< the one that was told to give way is back (or gone)
    std::span<const HostCandidate> candidates;
};

/// Plain data; copy it, compare it.
struct HostState {
    bool has_sample = false;
    HostSample last;
    TimePoint last_at{};
    /// Bytes per second of MemAvailable, smoothed; negative when it falls.
    double available_growth = 0;
    /// What memory looked like when the host was last at ease: the growth since then tells who took it.
    HostSample at_ease;
    bool has_ease = false;
    bool is_short = false;
    TimePoint short_since{};
    TimePoint short_last{};             ///< when a rule last held
    std::optional<std::size_t> victim;  ///< gives way now
    TimePoint victim_until{};
    TimePoint quiet_until{};      ///< nobody else is asked before: what was freed must show first
    TimePoint told_outside_at{};  ///< of this shortness; the epoch: not yet
    TimePoint told_nobody_at{};
    bool operator==(const HostState&) const = default;
};

/// Where the memory went since the host was at ease.
enum class Culprit : std::uint8_t { kUnknown, kGoverned, kUngoverned, kOutsideDocker };

struct HostDecision {
    HostState state;
    std::optional<std::size_t> give_way;  ///< HostCandidate::index
    bool tell_short = false;              ///< host_short: an event on the edge (and again after a while)
    bool tell_ease = false;               ///< host_at_ease
    bool nobody_left =
        false;  ///< with tell_short: short, governed memory is the cause, and no candidate is ready
    Culprit culprit = Culprit::kUnknown;
    Reason reason;  ///< rule, measured value, threshold, window
    TimePoint sample_at = TimePoint::max();
};

/// `input` is needed only during the call. Without `host` in the policy nothing is decided, and sample_at is
/// TimePoint::max(). Memory that went to containers which may not be acted upon, or outside Docker, makes
/// nobody give way. Does not allocate.
HostDecision guard_host(const Host& policy, const HostState& state, const HostInput& input);

}  // namespace policies
