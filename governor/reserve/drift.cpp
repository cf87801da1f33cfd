// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/reserve/drift.hpp"

#include <algorithm>

namespace governor::reserve {
namespace {

/// A drift is found at the next look, at most ten seconds after its cause.
constexpr policies::Duration kCauseAge = std::chrono::seconds(15);

}  // namespace

bool same_value(cgroups::Bytes found, cgroups::Bytes wanted) {
    constexpr std::uint64_t kPage = 65536;
    return found == wanted ||
           (found < wanted && wanted != cgroups::kMax && wanted.value - found.value < kPage);
}

Drift::Verdict Drift::look(policies::TimePoint now, cgroups::Bytes found, cgroups::Bytes wanted) {
    const bool ours = set_ && wanted_ == wanted;
    set_ = true;
    wanted_ = wanted;
    if (same_value(found, wanted)) return Verdict::kSame;
    if (!ours) return Verdict::kSet;
    if (now < pause_until_) return Verdict::kWaiting;
    // A quiet time as long as the longest pause proves that the storm is over.
    if (wait_ > policies::Duration{0} && now >= pause_until_ + kLongestWait) wait_ = {};
    if (wait_ == policies::Duration{0}) {
        std::erase_if(repairs_, [now](policies::TimePoint at) { return at + kStormWindow <= now; });
        repairs_.push_back(now);
        if (repairs_.size() < kStormRepairs) return Verdict::kRepair;
        repairs_.clear();
    }
    wait_ = wait_ == policies::Duration{0} ? kFirstWait : std::min(wait_ * 2, kLongestWait);
    pause_until_ = now + wait_;
    return Verdict::kStorm;
}

std::string_view likely_cause(policies::TimePoint now, const Hints& hints) {
    const auto recent = [now](policies::TimePoint at) {
        return at != policies::TimePoint{} && now - at <= kCauseAge;
    };
    if (recent(hints.docker_update)) return "docker update";
    if (recent(hints.reload)) return "daemon-reload";
    if (recent(hints.unit_changed)) return "set through systemd";
    return "written by hand or by another program";
}

}  // namespace governor::reserve
