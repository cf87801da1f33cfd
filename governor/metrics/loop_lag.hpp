// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/metrics/histogram.hpp"
#include "governor/ports.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>

namespace governor::metrics {

/// How late the loop is: a timer once a second, on whole seconds like the samples, and only while somebody
/// scrapes, so that an idle governor is not woken for a number that nobody reads. Loop's thread only.
class LoopLag {
  public:
    LoopLag(boost::asio::any_io_executor loop, Clock clock);

    /// Somebody reads: measure for a while.
    void scraped();

    /// When the next look is due; TimePoint::max() when nobody has scraped for a while.
    policies::TimePoint due(policies::TimePoint now) const;
    /// A look that was due at `due` came at `now`.
    void looked(policies::TimePoint due, policies::TimePoint now) { histogram_.observe(now - due); }

    const Histogram& histogram() const { return histogram_; }

  private:
    void wait();

    Clock clock_;
    boost::asio::steady_timer timer_;
    policies::TimePoint until_{};
    bool waiting_ = false;
    Histogram histogram_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace governor::metrics
