// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace governor::act {

/// One packet from the governor to its guardian (SOCK_SEQPACKET keeps packets whole and in order).
struct GuardianMessage {
    static constexpr char kFrozen = 'F';  ///< carries the directory's fd
    static constexpr char kStopping = 'S';
    static constexpr char kThawed = 'T';
    char op = 0;
    std::int32_t pid = 0;
    std::int32_t signal = 0;
    std::uint64_t key = 0;  ///< the directory's inode
};

/// The child cgroup in which the processes wait that are not PID 1.
inline constexpr const char* kHoldName = "governor-hold";

}  // namespace governor::act
