// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/attempts.hpp"

#include <algorithm>

namespace governor::hooks {

using std::chrono::milliseconds;

Verdict Attempts::after(const Outcome& outcome, policies::TimePoint now, double chance) {
    Verdict verdict;
    ++tries_;
    if (!first_try_) first_try_ = now;
    if (outcome.kind == Outcome::Kind::kDelivered) {
        verdict.now_well = failing();
        failures_ = 0;
        forget_event();
        return verdict;
    }
    if (outcome.kind == Outcome::Kind::kRefused) {
        // The target is well: it answered.
        verdict.now_well = failing();
        failures_ = 0;
        verdict.next = Verdict::Next::kGiveUp;
        forget_event();
        return verdict;
    }
    ++failures_;
    verdict.now_failing = failures_ == kFailing;
    verdict.wait = wait_for(outcome, chance);
    if (now - *first_try_ >= retry_.give_up) {
        verdict.next = Verdict::Next::kGiveUp;
        forget_event();
    } else {
        verdict.next = Verdict::Next::kAgain;
    }
    return verdict;
}

void Attempts::forget_event() {
    tries_ = 0;
    first_try_.reset();
}

milliseconds Attempts::wait_for(const Outcome& outcome, double chance) const {
    constexpr int kMostDoublings = 30;
    const milliseconds full =
        std::min(retry_.from * (std::int64_t{1} << std::min(failures_ - 1, kMostDoublings)), retry_.to);
    const milliseconds jittered{static_cast<std::int64_t>(static_cast<double>(full.count()) *
                                                          (0.5 + std::clamp(chance, 0.0, 1.0) / 2))};
    if (!outcome.retry_after) return jittered;
    return std::max(jittered, std::min<milliseconds>(*outcome.retry_after, kLongestRetryAfter));
}

}  // namespace governor::hooks
