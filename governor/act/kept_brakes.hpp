// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/pid_fd.hpp"
#include "governor/act/guardian_protocol.hpp"
#include "policies/event.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace governor::act {

/// What the guardian knows: the brakes of its governor, and for how long the governor has been silent. It
/// uses nothing but the kernel's files, so that no state of the governor (Docker, the loop, the heap) can
/// keep it from thawing. Has no clock of its own.
class KeptBrakes {
  public:
    /// `proc_root` is "/proc", or a tree made by a test.
    explicit KeptBrakes(std::chrono::nanoseconds lease = kLease, std::string proc_root = "/proc")
        : lease_(lease), proc_root_(std::move(proc_root)) {}

    /// Takes one message of the governor's and the descriptor that came with it. Returns false for one that
    /// cannot be kept (its descriptor is missing): it must not be acknowledged.
    bool take(const GuardianMessage& message, cgroups::UniqueFd passed);
    /// Counts `elapsed` as silence. When the lease is over, every brake is released, as at the governor's
    /// death; returns what to report to the governor. `now` is CLOCK_MONOTONIC.
    std::vector<GuardianAnswer> pass(std::chrono::nanoseconds elapsed, policies::TimePoint now);
    /// The governor is gone.
    void release_all(policies::TimePoint now);

    bool empty() const { return brakes_.empty(); }

  private:
    struct Brake {
        cgroups::UniqueFd directory;
        std::optional<cgroups::PidFd> process;  ///< set by kStopping
        int signal = 0;                         ///< 0: only frozen
    };
    bool release(const Brake& brake, policies::TimePoint now) const;

    std::chrono::nanoseconds lease_;
    std::string proc_root_;
    std::chrono::nanoseconds silent_{0};
    std::map<std::uint64_t, Brake> brakes_;
};

}  // namespace governor::act
