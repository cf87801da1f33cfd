// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/pace.hpp"
#include "policies/stepper.hpp"

#include <algorithm>
#include <cmath>

namespace policies {
namespace {

/// Growth is smoothed over this time: long enough for a saw-tooth of small allocations, short enough for a
/// burst.
constexpr double kGrowthTau = 2.0;
/// Less reclaimable memory than this share of the hard limit cannot be "page cache that fills the container".
constexpr Permille kChurnShare{30};
constexpr Duration kChurnQuiet = 60s;

}  // namespace

void Stepper::take(const Sample& sample) {
    if (s_.has_sample && now_ > s_.last_at) {
        const double seconds = std::chrono::duration<double>(now_ - s_.last_at).count();
        const double delta = static_cast<double>(sample.unreclaimable.value) -
                             static_cast<double>(s_.last.unreclaimable.value);
        const double weight = 1.0 - std::exp(-seconds / kGrowthTau);
        s_.growth += (delta / seconds - s_.growth) * weight;
    }
    if (!s_.has_sample || !is_still(policy_, s_, sample)) {
        s_.still = 0;
    } else if (s_.still < kMostStill) {
        ++s_.still;
    }
    // Until it leaves its tripwire: between two looks nothing need have been allocated, and what flickers is
    // told again and again.
    const bool at_tripwire = sample.tripwire != kUnlimited &&
                             sample.current + share_of(s_.hard, kTripwireSlack) >= sample.tripwire;
    s_.held_back =
        s_.has_sample && (sample.high_events > s_.last.high_events || (s_.held_back && at_tripwire));
    s_.last = sample;
    s_.last_at = now_;
    s_.has_sample = true;
    s_.peak = std::max(s_.peak, sample.unreclaimable);
    count_oom_kills(sample.oom_kills);
}

bool Stepper::count_oom_kills(std::uint64_t now_counted) {
    if (now_counted <= s_.oom_kills) return false;
    const auto delta = static_cast<std::int64_t>(now_counted - s_.oom_kills);
    s_.oom_kills = now_counted;
    s_.oom_killed_in_action = true;
    Event event = describe(EventType::kOomKilled, {Rule::kOomKillCounter, Quantity::count(delta), {}, {}});
    event.count = delta;
    out_.actions.push(Publish{event});
    return true;
}

void Stepper::watch(bool tripped) {
    if (!policy_.near_oom || s_.hard == kUnlimited) return;
    const NearOom& near = *policy_.near_oom;
    Reason why;
    if (holds(near.when, s_, why)) return trip(why);
    s_.notified = false;
    if (near.warn) warn(*near.warn);
    if (s_.relaxed) {
        restore_tripwire();
    } else if (tripped) {
        note_churn();
    }
}

void Stepper::warn(const Warn& call) {
    Reason why;
    if (s_.warned && now_ < s_.warned_at + call.every) return;
    if (!holds(call.when, s_, why)) return;
    s_.warned = true;
    s_.warned_at = now_;
    s_.warn_reason = why;
    out_.actions.push(CallWarn{});
}

/// The tripwire fired, but not for memory that cannot be had back: never throttle a healthy cache. Above the
/// lifted tripwire the kernel still tells us, so that growth behind the cache is seen.
void Stepper::note_churn() {
    const Bytes reclaimable = s_.last.current - s_.last.unreclaimable;
    if (reclaimable < share_of(s_.hard, kChurnShare)) return;
    s_.relaxed = true;
    out_.actions.push(SetTripwire{s_.kill_line()});
    // A cache that comes and goes would fill the log.
    if (s_.churn_told_at != TimePoint{} && now_ < s_.churn_told_at + kChurnQuiet) return;
    s_.churn_told_at = now_;
    publish(EventType::kPageCacheChurn,
            {Rule::kTripwire, Quantity::of(s_.last.current), Quantity::of(s_.tripwire), {}});
}

void Stepper::restore_tripwire() {
    // While the cache is still there, setting it back would only make the kernel reclaim and fire again.
    const bool below = s_.last.current + share_of(s_.hard, Permille{20}) < s_.tripwire;
    if (!below) return;
    s_.relaxed = false;
    out_.actions.push(SetTripwire{s_.tripwire});
}

void Stepper::trip(const Reason& why) {
    s_.trip = why;
    const NearOom& near = *policy_.near_oom;
    if (near.action == NearOomAction::kNotify) {
        if (!s_.notified) publish(EventType::kOomNear, why);
        s_.notified = true;
        return;
    }
    if (breaker_says_no()) return open_breaker();
    if (const TimePoint allowed = next_restart_allowed(); now_ < allowed) return delay(allowed);
    begin_restart(why);
}

}  // namespace policies
