// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/shared_text.hpp"
#include "policies/event.hpp"

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace governor::watch {

/// Who is due when. Times that are not near are moved to a common one-second grid, so that any number of idle
/// containers wakes the daemon at most once a second in all.
class Schedule {
  public:
    /// Replaces what was known for `id`; at TimePoint::max() it is never due. Allocates only for an id that
    /// is new.
    void set(const cgroups::SharedText& id, policies::TimePoint due, policies::TimePoint now);
    void remove(const std::string& id);
    /// All that is due; none of it is due again before it is set. Stands until the next call.
    std::span<const cgroups::SharedText> take_due(policies::TimePoint now);
    /// TimePoint::max() when nothing is.
    policies::TimePoint next() const;
    std::size_t size() const { return by_id_.size(); }

  private:
    std::map<cgroups::SharedText, policies::TimePoint, std::less<>> by_id_;
    std::set<std::pair<policies::TimePoint, cgroups::SharedText>> by_time_;
    std::vector<cgroups::SharedText> due_;  ///< keeps its strings' storage for the next call
};

/// The grid: `due` itself when it is within a second, else the next whole second at or after it.
policies::TimePoint on_grid(policies::TimePoint due, policies::TimePoint now);

}  // namespace governor::watch
