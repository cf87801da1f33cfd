// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/restart_times.hpp"

#include <algorithm>
#include <utility>

namespace policies {

RestartTimes::RestartTimes(std::vector<TimePoint> times) {
    if (times.size() > kMost) times.erase(times.begin(), times.end() - static_cast<std::ptrdiff_t>(kMost));
    if (!times.empty()) times_ = std::make_shared<const std::vector<TimePoint>>(std::move(times));
}

const std::vector<TimePoint>& RestartTimes::times() const {
    static const std::vector<TimePoint> kNone;
    return times_ ? *times_ : kNone;
}

void RestartTimes::add(TimePoint at) {
    std::vector<TimePoint> more;
    more.reserve(count() + 1);
    more = times();
    more.push_back(at);
    *this = RestartTimes(std::move(more));
}

void RestartTimes::drop_until(TimePoint oldest) {
    const auto& now = times();
    const auto kept = std::find_if(now.begin(), now.end(), [oldest](TimePoint at) { return at > oldest; });
    if (kept != now.begin()) *this = RestartTimes(std::vector<TimePoint>(kept, now.end()));
}

}  // namespace policies
