// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace governor::metrics {

/// How many observations were at or below each bound.
class Histogram {
  public:
    /// `bounds` grow, and outlive the histogram.
    explicit Histogram(std::span<const policies::Duration> bounds) : bounds_(bounds) {}

    void observe(policies::Duration value);

    std::span<const policies::Duration> bounds() const { return bounds_; }
    /// At or below bounds()[i].
    std::uint64_t at_or_below(std::size_t i) const;
    std::uint64_t count() const { return count_; }
    policies::Duration sum() const { return sum_; }

  private:
    std::span<const policies::Duration> bounds_;
    std::vector<std::uint64_t> counts_;  ///< one for each bound; made with the first observation
    std::uint64_t count_ = 0;
    policies::Duration sum_{0};
};

}  // namespace governor::metrics
