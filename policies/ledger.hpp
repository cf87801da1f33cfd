// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/policy.hpp"

#include <string>
#include <vector>

/// Adds up what the policies promise, against what the host has. Pure.
namespace policies {

/// A service as it is counted: from the policy alone (`replicas` 1) or from the containers that run.
struct LedgerLine {
    std::string service;  ///< the policy's name
    int containers = 1;
    Bytes hard = kUnlimited;  ///< each; kUnlimited: none known
    Bytes min{};              ///< each
    Bytes low{};              ///< each, at least min
};

struct Ledger {
    Bytes host;       ///< MemTotal
    Bytes keep_free;  ///< of host.keep_free
    std::vector<LedgerLine> lines;
    Bytes sum_min{};
    Bytes sum_low{};
    Bytes sum_hard{};                    ///< of those that have one
    std::vector<std::string> unlimited;  ///< services without a hard limit
    /// Reservations that cannot be kept: sum_min + keep_free > host. An error, with the numbers.
    std::string error;
    /// Hard limits over-committed: the worst case in numbers. A warning.
    std::string warning;
};

/// `containers` gives the number of running containers for a policy's name, and the hard limit that they have
/// where the policy sets none; 1 and unknown for those that it does not name.
struct Running {
    std::string service;
    int containers = 1;
    Bytes hard = kUnlimited;
};
Ledger add_up(const Policy& policy, Bytes host_memory, const std::vector<Running>& running = {});

}  // namespace policies
