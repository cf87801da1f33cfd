// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/policy.hpp"

#include <string>
#include <vector>

/// Adds up what the policies promise, against what the host has. Pure.
namespace policies {

/// A service as it is counted: from the policy alone (one container) or from the containers that run.
struct LedgerLine {
    std::string service;  ///< the policy's name
    int containers = 1;
    Bytes hard = kUnlimited;  ///< each; kUnlimited: none known
    Bytes min{};              ///< each
    Bytes low{};              ///< each, at least min
    Bytes loan{};             ///< near_oom.loan, each; no promise: granted only where there is room
    /// So much for each container, for all of them; does not wrap.
    Bytes all(Bytes each) const;
};

struct Ledger {
    Bytes host;       ///< MemTotal
    Bytes keep_free;  ///< of host.keep_free
    std::vector<LedgerLine> lines;
    Bytes sum_min{};
    Bytes sum_low{};
    Bytes sum_hard{};                    ///< of those that have one
    std::vector<std::string> unlimited;  ///< services without a hard limit
    Bytes worst{};  ///< all that is promised: hard limits, reservations of those without one, keep_free
    /// Reservations that cannot be kept: sum_min or sum_low with keep_free above the host's memory, or one
    /// above its hard limit. An error, with the numbers; empty when there is none.
    std::string error;
    /// `worst` above the host's memory: the worst case in numbers; loans that can never be granted. A
    /// warning; empty when there is none.
    std::string warning;
};

/// What runs for a policy: how many containers, and the hard limit that they have where the policy sets none.
struct Running {
    std::string service;  ///< the policy's name
    int containers = 1;
    Bytes hard = kUnlimited;   ///< each
    Bytes above = kUnlimited;  ///< the lowest limit of the cgroups above them: more they cannot have
};

/// `host_memory` is MemTotal, more than 0. A policy that `running` does not name counts as one container; one
/// that it names several times (containers of different limits) gets a line for each.
Ledger add_up(const Policy& policy, Bytes host_memory, const std::vector<Running>& running = {});

}  // namespace policies
