// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace governor::watch {

/// Who is due when. Times that are not near are moved to a common one-second grid, so that any number of idle
/// containers wakes the daemon at most once a second in all.
class Schedule {
  public:
    /// Replaces what was known for `id`; TimePoint::max() takes it off.
    void set(const std::string& id, policies::TimePoint due, policies::TimePoint now);
    void remove(const std::string& id);
    /// Takes off and returns all that is due.
    std::vector<std::string> take_due(policies::TimePoint now);
    /// TimePoint::max() when nothing is.
    policies::TimePoint next() const;
    std::size_t size() const { return by_id_.size(); }

  private:
    std::set<std::pair<policies::TimePoint, std::string>> by_time_;
    std::map<std::string, policies::TimePoint> by_id_;
};

/// The grid: `due` itself when it is within a second, else the next whole second at or after it.
policies::TimePoint on_grid(policies::TimePoint due, policies::TimePoint now);

}  // namespace governor::watch
