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

void Schedule::set(const cgroups::SharedText& id, policies::TimePoint due, policies::TimePoint now) {
    const policies::TimePoint at = on_grid(due, now);
    const auto [entry, fresh] = by_id_.try_emplace(id, at);
    if (fresh) {
        by_time_.emplace(at, entry->first);
    } else if (entry->second != at) {
        auto node = by_time_.extract({entry->second, entry->first});
        node.value().first = entry->second = at;
        by_time_.insert(std::move(node));
    }
}

void Schedule::remove(const std::string& id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    by_time_.erase({found->second, found->first});
    by_id_.erase(found);
}

std::span<const cgroups::SharedText> Schedule::take_due(policies::TimePoint now) {
    std::size_t count = 0;
    while (next() != policies::TimePoint::max() && next() <= now) {
        auto node = by_time_.extract(by_time_.begin());
        if (count == due_.size()) due_.emplace_back();
        due_[count++] = node.value().second;
        by_id_.find(node.value().second)->second = policies::TimePoint::max();
        node.value().first = policies::TimePoint::max();
        by_time_.insert(std::move(node));
    }
    return std::span(due_).first(count);
}

policies::TimePoint Schedule::next() const {
    return by_time_.empty() ? policies::TimePoint::max() : by_time_.begin()->first;
}

}  // namespace governor::watch
