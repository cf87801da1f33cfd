// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/schedule.hpp"

#include <chrono>

namespace governor::watch {

policies::TimePoint on_grid(policies::TimePoint due, policies::TimePoint now) {
    using namespace std::chrono_literals;
    if (due == policies::TimePoint::max() || due < now + 1s) return due;
    return std::chrono::ceil<std::chrono::seconds>(due);
}

void Schedule::set(const std::string& id, policies::TimePoint due, policies::TimePoint now) {
    const policies::TimePoint at = on_grid(due, now);
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) {
        if (found->second == at) return;
        by_time_.erase({found->second, id});
        by_id_.erase(found);
    }
    if (at == policies::TimePoint::max()) return;
    by_time_.emplace(at, id);
    by_id_.emplace(id, at);
}

void Schedule::remove(const std::string& id) {
    set(id, policies::TimePoint::max(), {});
}

std::vector<std::string> Schedule::take_due(policies::TimePoint now) {
    std::vector<std::string> due;
    while (!by_time_.empty() && by_time_.begin()->first <= now) {
        due.push_back(by_time_.begin()->second);
        by_id_.erase(due.back());
        by_time_.erase(by_time_.begin());
    }
    return due;
}

policies::TimePoint Schedule::next() const {
    return by_time_.empty() ? policies::TimePoint::max() : by_time_.begin()->first;
}

}  // namespace governor::watch
