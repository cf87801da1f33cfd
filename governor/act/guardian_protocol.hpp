// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

#include <chrono>
#include <cstdint>

/// The messages between the governor and its guardian, both ways over one SOCK_SEQPACKET socket, which keeps
/// packets whole and in order. See docs/adr/0016.
namespace governor::act {

/// From the governor. Each has the next sequence number, and each renews the lease.
struct GuardianMessage {
    static constexpr char kFrozen = 'F';    ///< carries the directory's fd
    static constexpr char kStopping = 'S';  ///< carries the pidfd of the main process, when it is known
    static constexpr char kThawed = 'T';    ///< nothing to undo any more: thawed, killed or ended
    static constexpr char kRenew = 'R';     ///< the governor's loop turns
    char op = 0;
    std::int32_t pid = 0;  ///< of the main process; 0: not known
    std::int32_t signal = 0;
    std::uint64_t key = 0;  ///< the directory's inode
    std::uint64_t sequence = 0;
};

/// From the guardian.
struct GuardianAnswer {
    static constexpr char kTaken = 'A';     ///< `sequence` and all before it were read and are kept
    static constexpr char kReleased = 'L';  ///< the lease ran out: this brake was released
    char op = 0;
    bool signalled = false;  ///< kReleased: its stop signal is pending or was delivered
    std::uint64_t key = 0;
    std::uint64_t sequence = 0;
    std::int64_t at_ns = 0;  ///< kReleased: when, CLOCK_MONOTONIC
};

/// A brake is released when the governor was silent for so long. Its loop never blocks for long by design;
/// what delays it is a host without CPU time (2 to 3 s were seen on an emulated machine with a load of 8).
/// Five renewals may be late before a brake is lost, and a container stands frozen at most this long for a
/// governor that hangs, which is Docker's default grace.
inline constexpr std::chrono::seconds kLease{10};
/// How often the governor's loop renews it while anything is frozen.
inline constexpr std::chrono::seconds kRenewEvery{2};
/// The guardian counts the silence in steps, and no step for more than twice its length. So a pause of the
/// whole machine, which stops the governor and the guardian alike, does not use up the lease.
inline constexpr std::chrono::seconds kLeaseStep{1};

/// The child cgroup in which the processes wait that are not PID 1.
inline constexpr const char* kHoldName = "governor-hold";

}  // namespace governor::act
