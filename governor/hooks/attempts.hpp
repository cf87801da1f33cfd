// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/transport.hpp"
#include "policies/event.hpp"
#include "policies/hook.hpp"

#include <chrono>
#include <optional>

namespace governor::hooks {

/// What comes after an attempt.
struct Verdict {
    enum class Next : std::uint8_t { kNextEvent, kAgain, kGiveUp };
    Next next = Next::kNextEvent;
    std::chrono::milliseconds wait{0};  ///< before the next attempt
    bool now_failing = false;           ///< told once, when the circuit opens
    bool now_well = false;              ///< told once, when it closes
};

/// When a target is tried again, and when an event is given up. Pure: time and chance are passed in.
///
/// The wait doubles from `from` to `to`, with jitter over its upper half, so that targets that fell together
/// are not tried together. It counts failures in a row over events, not of one event: an event that was given
/// up does not make the next one start again with short waits. After kFailing of them the circuit is open,
/// and that is told; the attempts are then single probes, until one succeeds.
class Attempts {
  public:
    static constexpr int kFailing = 5;
    /// What a target may ask for by Retry-After.
    static constexpr std::chrono::minutes kLongestRetryAfter{60};

    explicit Attempts(policies::HookRetry retry) : retry_(retry) {}

    /// `chance` is from 0 to 1.
    Verdict after(const Outcome& outcome, policies::TimePoint now, double chance);

    int of_this_event() const { return tries_; }
    bool failing() const { return failures_ >= kFailing; }
    /// For what is not an event of the journal: nothing was begun with it.
    void forget_event();

  private:
    std::chrono::milliseconds wait_for(const Outcome& outcome, double chance) const;

    policies::HookRetry retry_;
    int tries_ = 0;     ///< of the event at hand
    int failures_ = 0;  ///< in a row, over events
    std::optional<policies::TimePoint> first_try_;
};

}  // namespace governor::hooks
