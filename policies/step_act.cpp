// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stepper.hpp"

#include <algorithm>

namespace policies {
namespace {

/// How long a kernel-side signal or a kill may take to show.
constexpr Duration kDirectDeadline = 1s;
constexpr Duration kKillDeadline = 10s;
/// A restart that Docker was asked for is still its business; a busy host takes its time.
constexpr Duration kDockerBackDeadline = 60s;
constexpr Duration kBackRetry = 30s;

Duration back_deadline(const State& state) {
    return state.asked_docker || state.stopped_by_other ? kDockerBackDeadline : kBackDeadline;
}

}  // namespace

void Stepper::begin_restart(const Reason& why, std::optional<EventType> type) {
    const NearOom& near = *policy_.near_oom;
    s_.trip = why;
    s_.tripped_at = now_;
    s_.oom_killed_in_action = false;
    s_.outcome = Outcome::kNone;
    s_.exit_code = -1;
    s_.death = {};
    s_.via = Via::kNone;
    s_.brake = {};
    remember_trip();
    if (near.action == NearOomAction::kKill) {
        count_restart();
        if (type) publish(*type, why);
        return kill({Rule::kPolicyKill, why.measured, why.threshold, {}});
    }
    if (!begin_drain_hook()) ask_stop();
    out_.actions.push(SurveyProcesses{});
    if (type) publish(*type, why);
}

void Stepper::ask_stop() {
    const NearOom& near = *policy_.near_oom;
    count_restart();
    if (!s_.frozen) out_.actions.push(Freeze{});
    s_.frozen = true;
    out_.actions.push(AskStop{near.drain.grace.has_value(), s_.grace});
    s_.asked_docker = true;
    s_.phase = Phase::kSignalling;
    s_.signalled_at = now_;  // the request, until the signal is pending: the brake is measured from here
    s_.deadline = now_ + near.brake.docker_timeout;
}

void Stepper::signal_overdue() {
    if (s_.asked_docker && s_.via != Via::kDirect) return go_direct(Rule::kDockerTimeout);
    on(SignalFailed{});
}

void Stepper::go_direct(Rule rule) {
    const Duration limit = policy_.near_oom ? policy_.near_oom->brake.docker_timeout : milliseconds{0};
    s_.via = Via::kDirect;
    s_.asked_docker = false;
    s_.unanswered = rule == Rule::kDockerTimeout;
    s_.deadline = now_ + kDirectDeadline;
    out_.actions.push(SignalStop{});
    publish(EventType::kDockerSlow, {rule, Quantity::of(now_ - s_.signalled_at), Quantity::of(limit), {}});
}

/// Tripwire first, then the thaw: the handler needs the headroom from its first instruction on.
void Stepper::begin_drain() {
    const Duration hold = policy_.near_oom ? policy_.near_oom->brake.hold_timeout : milliseconds{0};
    out_.actions.push(SetTripwire{s_.drain_line()});
    out_.actions.push(Thaw{hold});
    s_.frozen = false;
    s_.killed = false;
    s_.phase = Phase::kDraining;
    s_.signalled_at = now_;
    limit_drain(1ms);
}

/// The grace counts from the signal, however late it or the grace became known; `least` is what is left in
/// any case.
void Stepper::limit_drain(Duration least) {
    // A container that may take for ever is never killed because of time: its kill line is all that ends it.
    if (s_.grace.is_infinite()) {
        s_.deadline = {};
        return;
    }
    const Duration margin = s_.via == Via::kDirect ? Duration{0} : kGraceMargin;
    s_.deadline = std::max(s_.grace.after(s_.signalled_at + margin), now_ + least);
}

void Stepper::kill(const Reason& why) {
    out_.actions.push(KillWhole{});
    if (s_.phase != Phase::kDraining) s_.signalled_at = now_;
    s_.phase = Phase::kDraining;
    s_.killed = true;
    s_.frozen = false;
    s_.deadline = now_ + kKillDeadline;
    s_.kill_reason = why;
    publish(EventType::kKilled, why);
}

void Stepper::drain_overdue() {
    if (!s_.killed)
        return kill(
            {Rule::kGraceEnded, Quantity::of(now_ - s_.signalled_at), Quantity::of(s_.grace.bounded()), {}});
    publish(EventType::kActionFailed, s_.kill_reason);
    out_.actions.push(KillWhole{});
    s_.deadline = now_ + kKillDeadline;
}

void Stepper::exited_by_us(bool oom) {
    s_.oom_killed_in_action = s_.oom_killed_in_action || oom;
    s_.outcome = outcome_of_exit();
    s_.ended_stop_handling = s_.stop_handling;
    if (s_.phase == Phase::kSignalling || s_.phase == Phase::kDrainHook) s_.signalled_at = now_;
    s_.exited_at = now_;
    s_.phase = Phase::kExited;
    // A stop by a Docker that read our request late is followed by its start; a person's is not.
    if (s_.stopped_by_other && !s_.unanswered) return leave_ended();
    s_.restarting = true;
    s_.deadline = now_ + back_deadline(s_);
}

Outcome Stepper::outcome_of_exit() const {
    // 128 + the signal: ended by its stop signal without a handler, which is an end as asked for.
    constexpr int kBySignal = 128;
    if (s_.oom_killed_in_action) return Outcome::kOomKilled;
    if (s_.killed) return Outcome::kKilledByGovernor;
    if (s_.exit_code < 0) return Outcome::kNone;
    if (s_.exit_code == 0 || s_.exit_code == kBySignal + s_.stop_signal) return Outcome::kGraceful;
    return s_.exit_code == kBySignal + kSignalKill ? Outcome::kKilledAtGraceEnd : Outcome::kFailed;
}

void Stepper::leave_ended() {
    s_.restarting = false;
    s_.phase = Phase::kUnarmed;
    s_.deadline = {};
    publish(EventType::kLeftAlone);
}

void Stepper::not_back() {
    if (s_.stopped_by_other) return leave_ended();
    s_.deadline = now_ + kBackRetry;
    out_.actions.push(StartContainer{});
    publish(EventType::kActionFailed,
            {Rule::kNotBack, Quantity::of(now_ - s_.exited_at), Quantity::of(back_deadline(s_)), {}});
}

void Stepper::tell_death(Event& event) const {
    event.exit_code = s_.exit_code;
    event.verdict = s_.death.verdict;
    event.evidence = s_.death.evidence;
    event.victim = s_.death.victim;
    event.docker_agrees = s_.death.docker_agrees;
}

void Stepper::restart_finished() {
    s_.restarting = false;
    // One that was restarted for another container says nothing about its own memory.
    if (s_.trip.rule != Rule::kRestartWith) {
        s_.last_restart = now_;
        ++s_.backoff_steps;
    }
    Event event = describe(EventType::kRestartFinished,
                           s_.outcome == Outcome::kKilledByGovernor ? s_.kill_reason : s_.trip);
    event.outcome = s_.outcome;
    event.stop_handling = s_.ended_stop_handling;
    event.via = s_.via;
    tell_death(event);
    event.brake = s_.brake;
    event.drain = s_.exited_at - s_.signalled_at;
    event.total = now_ - s_.tripped_at;
    event.unreclaimable = s_.trip_unreclaimable;
    event.count = static_cast<std::int64_t>(s_.restarts.count());
    event.growth = s_.trip_growth;
    s_.away.start = now_ - s_.started_at;
    event.away = s_.away;
    out_.actions.push(Publish{event});
    const bool healthy = s_.back_at != TimePoint{};
    s_.back_at = now_;
    if (healthy) on(Healthy{});
    s_.via = Via::kNone;
    s_.peak = {};
    s_.brake = {};
}

/// The state is what it was when the governor fell silent; what the guardian did since is made part of it.
void Stepper::on(const BrakeLost& input) {
    s_.frozen = false;
    Event event =
        describe(EventType::kBrakeLost,
                 {Rule::kLease, Quantity::of(input.lease + input.since), Quantity::of(input.lease), {}});
    if (input.signalled) event.via = Via::kDirect;
    out_.actions.push(Publish{event});
    s_.others_held = false;
    if (s_.phase == Phase::kHeld || s_.phase == Phase::kSurveying) {
        s_.frozen = true;
        out_.actions.push(Freeze{});
        return;
    }
    // A cap is put back by the next sample, if it is still needed; a drain goes on as it is.
    if (s_.phase != Phase::kSignalling) return;
    if (!input.signalled) {
        s_.frozen = true;
        out_.actions.push(Freeze{});
        return;
    }
    // Docker's restart was asked for as well, and may still be carried out: its signals are no stop by
    // another.
    s_.via = s_.asked_docker ? Via::kDocker : Via::kDirect;
    s_.brake = now_ - input.since - s_.signalled_at;
    begin_drain();
    s_.signalled_at = now_ - input.since;
    limit_drain(kGraceMargin);
    publish(EventType::kSignalled);
}

void Stepper::thaw_if_frozen() {
    if (!s_.frozen && !s_.others_held) return;
    out_.actions.push(Thaw{});
    s_.frozen = s_.others_held = false;
}

Event Stepper::describe(EventType type, const Reason& why) const {
    Event event;
    event.type = type;
    event.at = now_;
    event.reason = why;
    event.current = s_.last.current;
    event.unreclaimable = s_.last.unreclaimable;
    event.hard = s_.hard;
    event.limit = s_.limit;
    event.bound_level = s_.bound_level;
    event.tripwire = s_.tripwire;
    event.peak = s_.peak;
    event.growth = static_cast<std::int64_t>(s_.growth);
    const Duration eta = forecast(s_);
    event.eta = eta == Duration::max() ? Duration{0} : eta;
    event.stop_handling = s_.stop_handling;
    event.frozen = s_.frozen;
    event.process = s_.recycled;
    return event;
}

void Stepper::publish(EventType type, const Reason& why) {
    out_.actions.push(Publish{describe(type, why)});
}

void Stepper::publish(EventType type) {
    Event event =
        describe(type, type == EventType::kBrake || type == EventType::kSignalled ? s_.trip : Reason{});
    if (type == EventType::kBrake) event.brake = now_ - s_.signalled_at;
    if (type == EventType::kSignalled) {
        event.brake = s_.brake;
        event.via = s_.via;
    }
    if (type == EventType::kExited) tell_death(event);
    out_.actions.push(Publish{event});
}

}  // namespace policies
