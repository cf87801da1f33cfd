// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace policies {

/// When a container was restarted, newest last: what the breaker counts. Nearly every container has none, and
/// a state is copied at each step, so the times are shared by the copies and replaced as a whole: copying
/// never allocates, only a new restart and a window that moved on do. For one thread.
class RestartTimes {
  public:
    /// Restarts that are remembered; the loader takes no breaker above it.
    static constexpr std::size_t kMost = 128;

    RestartTimes() = default;
    /// Of more than kMost the newest are kept.
    explicit RestartTimes(std::vector<TimePoint> times);

    std::size_t count() const { return times_ ? times_->size() : 0; }
    const std::vector<TimePoint>& times() const;
    void add(TimePoint at);
    /// Forgets those at `oldest` and before it.
    void drop_until(TimePoint oldest);
    void clear() { times_.reset(); }
    bool operator==(const RestartTimes& other) const { return times() == other.times(); }

  private:
    std::shared_ptr<const std::vector<TimePoint>> times_;
};

}  // namespace policies
