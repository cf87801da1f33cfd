// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/host_guard.hpp"

#include <vector>

namespace policies {

/// A host of 8 GiB that keeps 512 MiB free, told through what its parts hold. What is left of `total` is
/// available. Flags of the input hold for one look.
struct HostStory {
    Host policy{.keep_free = Size{.bytes = 512_MiB, .share = std::nullopt},
                .pressure = HostPressure{.full = true, .share = Permille{100}, .over = milliseconds(2000)}};
    Bytes total = 8_GiB;
    Bytes governed = 1_GiB;
    Bytes ungoverned = 1_GiB;
    Bytes outside = 512_MiB;
    Permille some;
    Permille full;
    bool pressure_fired = false;
    bool victim_done = false;
    std::vector<HostCandidate> candidates{
        {.index = 0, .priority = 10, .unreclaimable = 1_GiB, .ready = true}};
    TimePoint now{std::chrono::hours(100)};
    HostDecision said;

    Bytes available() const { return total - governed - ungoverned - outside; }
    /// Governed containers take or give back so much that this is available.
    void leave(Bytes free) { governed = total - ungoverned - outside - free; }
    /// The host was at ease, and is now short because of governed containers.
    void grow_governed() {
        look();
        leave(300_MiB);
    }
    HostInput input() const {
        return {.now = now,
                .sample = {.total = total,
                           .available = available(),
                           .some = some,
                           .full = full,
                           .governed = governed,
                           .ungoverned = ungoverned},
                .pressure_fired = pressure_fired,
                .victim_done = victim_done,
                .candidates = candidates};
    }
    const HostDecision& look(Duration later = Duration{0}) {
        now += later;
        said = guard_host(policy, said.state, input());
        pressure_fired = false;
        victim_done = false;
        return said;
    }
};

}  // namespace policies
