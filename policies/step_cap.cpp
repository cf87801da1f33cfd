// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stepper.hpp"

#include <algorithm>

namespace policies {

void Stepper::remember_trip() {
    s_.trip_unreclaimable = s_.last.unreclaimable;
    s_.trip_growth = static_cast<std::int64_t>(s_.growth);
    s_.back_at = {};
}

/// A restart for another container is no sign of a storm.
void Stepper::count_restart() {
    if (s_.trip.rule != Rule::kRestartWith) s_.restarts.add(now_);
}

void Stepper::remember_restart() {
    remember_trip();
    count_restart();
}

/// Every way out of a quarantine is an event with its reason.
void Stepper::end_quarantine(Rule why) {
    if (!s_.quarantined) return;
    s_.quarantined = false;
    publish(EventType::kBreakerReleased, {why, {}, {}, {}});
}

void Stepper::forget_history() {
    s_.quarantined = false;
    s_.restarts.clear();
    s_.backoff_steps = 0;
}

bool Stepper::breaker_says_no() {
    s_.restarts.drop_until(now_ - policy_.restart.breaker.within);
    // No more can be told apart than are remembered: a larger number would never open it.
    const int allowed =
        std::clamp(policy_.restart.breaker.restarts, 1, static_cast<int>(RestartTimes::kMost));
    return s_.restarts.count() >= static_cast<std::size_t>(allowed);
}

TimePoint Stepper::next_restart_allowed() {
    const Backoff& backoff = policy_.restart.backoff;
    if (s_.backoff_steps == 0) return now_;
    if (now_ - s_.last_restart >= backoff.reset_after) {
        s_.backoff_steps = 0;
        return now_;
    }
    milliseconds delay = backoff.from;
    for (int i = 1; i < s_.backoff_steps && delay < backoff.to; ++i) delay *= 2;
    return s_.last_restart + std::min(delay, backoff.to);
}

void Stepper::delay(TimePoint until) {
    enter_cap(Phase::kBackingOff);
    s_.deadline = until;
    publish(
        EventType::kRestartDelayed,
        {Rule::kBackoff, Quantity::of(now_ - s_.last_restart), Quantity::of(until - s_.last_restart), {}});
    cap();
}

void Stepper::open_breaker() {
    s_.quarantined = true;
    const Breaker& breaker = policy_.restart.breaker;
    enter_cap(Phase::kQuarantined);
    Event event = describe(EventType::kBreakerOpened,
                           {Rule::kBreaker, Quantity::count(static_cast<std::int64_t>(s_.restarts.count())),
                            Quantity::count(breaker.restarts), breaker.within});
    event.count = static_cast<std::int64_t>(s_.restarts.count());
    out_.actions.push(Publish{event});
    cap();
}

void Stepper::enter_cap(Phase phase) {
    s_.phase = phase;
    s_.relaxed = false;
    s_.deadline = phase == Phase::kQuarantined ? now_ + kCapReview : TimePoint{};
    out_.actions.push(
        SetTripwire{phase == Phase::kQuarantined ? s_.threshold(policy_.restart.breaker.cap) : s_.tripwire});
}

/// Capped, it creeps on; half way between tripwire and hard limit it is frozen, so that its handler still has
/// room later.
void Stepper::cap() {
    if (s_.frozen || s_.brake_failed || !s_.has_sample) return;
    const Bytes line = s_.tripwire + Bytes{(s_.limit - s_.tripwire).value / 2};
    if (s_.last.unreclaimable < line) return;
    s_.frozen = true;
    out_.actions.push(Freeze{});
    publish(EventType::kCapFrozen,
            {Rule::kHardLimitNear, Quantity::of(s_.last.unreclaimable), Quantity::of(line), {}});
}

void Stepper::back_off() {
    Reason why;
    // Clearly below again, not at the edge of it.
    if (!s_.frozen && !holds(policy_.near_oom->when, s_, why) &&
        s_.last.unreclaimable + share_of(s_.limit, Permille{50}) < s_.tripwire)
        return resume();
    cap();
}

void Stepper::backoff_over() {
    Reason why;
    if (acts() && s_.has_sample && (s_.frozen || holds(policy_.near_oom->when, s_, why))) {
        if (why.rule == Rule::kNone) why = s_.trip;
        return begin_restart(why);
    }
    resume();
}

/// A reload took away what the cap was for.
void Stepper::let_go() {
    end_quarantine(Rule::kPolicyChanged);
    forget_history();
    out_.actions.push(SetTripwire{s_.tripwire});
    resume();
}

void Stepper::resume() {
    thaw_if_frozen();
    s_.has_sample = false;
    s_.deadline = {};
    if (s_.quarantined && !acts()) return let_go();
    if (s_.quarantined) return enter_cap(Phase::kQuarantined);
    s_.phase = Phase::kWatching;
}

/// Not while it is capped, drained, paused or somebody else's: those have their own way, and a service that
/// may not be restarted again yet frees nothing.
bool Stepper::can_give_way() {
    return s_.phase == Phase::kWatching && acts() && policy_.near_oom->action != NearOomAction::kHold &&
           !breaker_says_no() && now_ >= next_restart_allowed();
}

/// Its own back-off and breaker are about its own memory; where they hold it back, it is not watched.
bool Stepper::can_restart_with() const {
    return s_.phase == Phase::kWatching && policy_.near_oom &&
           (policy_.near_oom->action == NearOomAction::kGracefulRestart || recycles());
}

void Stepper::on(const GiveWay& input) {
    if (input.why.rule == Rule::kRestartWith) {
        if (can_restart_with()) begin_restart(input.why, EventType::kRestartedWith);
        return;
    }
    if (!can_give_way()) return;
    // Below a shared limit one process may be enough; a host that runs short needs all that a restart frees.
    if (input.why.rule == Rule::kSharedLimit && recycles())
        return begin_recycle(input.why, EventType::kGiveWay);
    begin_restart(input.why, EventType::kGiveWay);
}

bool can_give_way(const ServicePolicy& policy, const State& state, TimePoint now) {
    StepResult unused{.state = state, .actions = {}};
    return Stepper(policy, unused, now).can_give_way();
}

void Stepper::watch_again() {
    if (policy_.near_oom) out_.actions.push(SetTripwire{s_.tripwire});
    resume();
}

}  // namespace policies
