// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/policy.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor::cli::compose {

/// runc hands "org.systemd.property.<Name>" to systemd when it makes the container's scope (runc:
/// docs/systemd.md).
inline constexpr std::string_view kPrefix = "org.systemd.property.";

/// One property of the container's scope.
struct Property {
    std::string_view name;  ///< in systemd's spelling: MemoryMin, MemoryLow, MemoryHigh, MemorySwapMax
    policies::Bytes value;

    std::string key() const { return std::string(kPrefix).append(name); }
    /// As systemd wants its type spelled: "uint64 1073741824".
    std::string text() const { return "uint64 " + std::to_string(value.value); }
};

/// What a policy wants of a service's containers, as far as it can be said in a Compose file.
struct Wanted {
    std::vector<Property> properties;
    /// memory.max is Docker's own business: Compose's `mem_limit` sets it.
    std::optional<policies::Bytes> hard;
    /// With a memory limit Docker sets memory.swap.max too, after systemd did: `memswap_limit` less the
    /// limit.
    std::optional<policies::Bytes> swap;
    policies::Bytes min{};
    policies::Bytes low{};
    std::vector<std::string> notes;  ///< what could not be said, and why
};

/// `limit`: the memory limit that the Compose file gives, for percentages of a hard limit that the policy
/// leaves to it. `host_memory`: absent when it is not known. Pure.
Wanted wanted_of(const policies::ServicePolicy& policy, std::optional<policies::Bytes> limit,
                 std::optional<policies::Bytes> host_memory);

/// "2g", "1536m", "1000000": exactly this size, in the shortest spelling that Compose reads.
std::string compose_size(policies::Bytes size);

}  // namespace governor::cli::compose
