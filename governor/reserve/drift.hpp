// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/parse.hpp"
#include "policies/event.hpp"

#include <vector>
#include <string_view>

/// Whether a value that something else changed is set back, and why it may have changed. Pure.
namespace governor::reserve {

/// Repairs of one value within kStormWindow, before it is called a storm.
inline constexpr std::size_t kStormRepairs = 5;
inline constexpr policies::Duration kStormWindow = std::chrono::minutes(1);
/// After a storm the next repair waits this long, twice as long each time, up to the longest.
inline constexpr policies::Duration kFirstWait = std::chrono::minutes(1);
inline constexpr policies::Duration kLongestWait = std::chrono::minutes(15);

/// Of one file of one cgroup.
class Drift {
  public:
    enum class Verdict : std::uint8_t {
        kSame,     ///< as it should be
        kSet,      ///< never set before, or another value is wanted now: set it, no drift
        kRepair,   ///< something changed it: set it back and tell
        kStorm,    ///< the same, and too often: set it back, tell that repairs pause
        kWaiting,  ///< changed, and the pause is not over
    };
    Verdict look(policies::TimePoint now, cgroups::Bytes found, cgroups::Bytes wanted);
    /// The next repair comes no sooner; zero when nothing holds it back.
    policies::TimePoint pause_until() const { return pause_until_; }

  private:
    bool set_ = false;
    cgroups::Bytes wanted_;
    std::vector<policies::TimePoint> repairs_;
    policies::TimePoint pause_until_{};
    policies::Duration wait_{0};
};

/// The kernel keeps whole pages, of at most 64 KiB.
bool same_value(cgroups::Bytes found, cgroups::Bytes wanted);

/// When something that rewrites limits was last seen to happen to a cgroup.
struct Hints {
    policies::TimePoint docker_update{};
    policies::TimePoint reload{};
    policies::TimePoint unit_changed{};
};
/// The likely cause of a drift that is found now; static storage.
std::string_view likely_cause(policies::TimePoint now, const Hints& hints);

}  // namespace governor::reserve
