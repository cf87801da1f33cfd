// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/histogram.hpp"

#include <algorithm>
#include <numeric>

namespace governor::metrics {

void Histogram::observe(policies::Duration value) {
    if (counts_.empty()) counts_.resize(bounds_.size());
    const auto bound = std::ranges::lower_bound(bounds_, value);
    if (bound != bounds_.end()) ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
    ++count_;
    sum_ += value;
}

std::uint64_t Histogram::at_or_below(std::size_t i) const {
    if (counts_.empty()) return 0;
    return std::accumulate(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                           std::uint64_t{0});
}

}  // namespace governor::metrics
