// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/recycle.hpp"
#include "policies/stepper.hpp"

#include <algorithm>

namespace policies {
namespace {

/// Of a frozen container, a survey takes milliseconds; this long only when the host has no CPU for it.
constexpr Duration kSurveyDeadline = 3s;
/// A killed process whose end does not show by then waits in the kernel for something that does not come.
constexpr Duration kProcessKillDeadline = 5s;
/// memory.stat may be 2 s behind (the kernel's periodic flush), so what an end has freed shows by then.
constexpr Duration kSettle = 3s;
/// The others are held this long at most: a server that finds its children silent for longer (gunicorn's
/// default is 30 s) kills them when it runs again.
constexpr Duration kLongestHold = 10s;
/// What the end of a process must bring at least, as a share of the limit.
constexpr Permille kLeastFreed{20};
/// The processes are surveyed once when memory comes to this share of its threshold, so that their growth is
/// known at the trip; again after it was below the second one.
constexpr Permille kSurveyFrom{800};
constexpr Permille kSurveyAgainBelow{600};

}  // namespace

bool Stepper::recycles() const {
    return policy_.near_oom && policies::recycles(policy_.near_oom->action);
}

void Stepper::survey_when_near() {
    const Bytes used = s_.last.unreclaimable;
    if (used < share_of(s_.tripwire, kSurveyAgainBelow)) s_.surveyed_near = false;
    if (s_.surveyed_near || !recycles() || used < share_of(s_.tripwire, kSurveyFrom)) return;
    s_.surveyed_near = true;
    out_.actions.push(SurveyProcesses{});
}

/// From here the others are held, so that the one which ends has the rest of the room.
Bytes Stepper::hold_line() const {
    const Bytes kill = s_.kill_line();
    return s_.tripwire + Bytes{(kill - std::min(kill, s_.tripwire)).value / 4 * 3};
}

void Stepper::begin_recycle(const Reason& why, EventType type) {
    s_.trip = why;
    s_.tripped_at = now_;
    s_.oom_killed_in_action = false;
    s_.outcome = Outcome::kNone;
    s_.exit_code = -1;
    s_.death = {};
    s_.via = Via::kNone;
    s_.brake = {};
    s_.recycled = {};
    s_.others_held = s_.process_ended = s_.process_killed = s_.respawned = false;
    if (!s_.frozen) out_.actions.push(Freeze{});
    s_.frozen = true;
    out_.actions.push(SurveyProcesses{});
    s_.phase = Phase::kSurveying;
    s_.deadline = now_ + kSurveyDeadline;
    publish(type, why);
}

void Stepper::on(const Surveyed& input) {
    if (s_.phase != Phase::kSurveying) return;
    if (!recycles()) return abandon_recycle();
    choose_process(input.survey);
}

Rule why_not_recycled(const ServicePolicy& policy, const State& state, const Survey& survey) {
    if (survey.refused != Rule::kNone) return survey.refused;
    const Bytes used = state.last.unreclaimable;
    if (survey.held.value < used.value / 2) return Rule::kSharedMemory;
    const Bytes over = used - std::min(state.tripwire, used);
    if (survey.candidate.bytes < over + share_of(state.limit, kLeastFreed)) return Rule::kFreesTooLittle;
    if (policy.near_oom->action == NearOomAction::kAuto && !survey.pool_explains_growth)
        return Rule::kGrowthElsewhere;
    return Rule::kNone;
}

void Stepper::choose_process(const Survey& survey) {
    if (const Rule refused = why_not_recycled(policy_, s_, survey); refused != Rule::kNone) {
        s_.recycled = survey.candidate;
        return recycle_failed(refused);
    }
    const Recycle& how = policy_.near_oom->recycle;
    s_.recycled = survey.candidate;
    s_.before_recycle = s_.last.unreclaimable;
    s_.brake = now_ - s_.tripped_at;
    s_.signalled_at = now_;
    s_.frozen = false;
    s_.phase = Phase::kRecycling;
    s_.deadline = now_ + how.grace;
    // Signal, room, thaw: its handler is the first thing that it runs, and has all the headroom.
    out_.actions.push(RecycleProcess{s_.recycled.pid, how.signal});
    out_.actions.push(SetTripwire{s_.kill_line()});
    out_.actions.push(Thaw{});
    Event event = describe(EventType::kRecycling, s_.trip);
    event.brake = s_.brake;
    out_.actions.push(Publish{event});
}

void Stepper::watch_recycle() {
    if (!recycles()) return abandon_recycle();
    const Bytes used = s_.last.unreclaimable;
    if (s_.process_ended) return settle_recycle();
    if (s_.limit == kUnlimited) return;
    if (used >= s_.kill_line() && !s_.process_killed) {
        kill_process({Rule::kHardLimitNear, Quantity::of(used), Quantity::of(s_.kill_line()), {}});
        // A frozen process dies of SIGKILL too, and nothing grows meanwhile.
        if (s_.brake_failed || s_.frozen) return;
        s_.frozen = true;
        out_.actions.push(Freeze{});
    } else if (used >= hold_line() && !s_.others_held && !s_.process_killed) {
        s_.others_held = true;
        s_.deadline = std::min(s_.deadline, now_ + kLongestHold);
        out_.actions.push(HoldOthers{s_.recycled.pid});
    }
}

void Stepper::kill_process(const Reason& why) {
    s_.process_killed = true;
    s_.kill_reason = why;
    s_.deadline = now_ + kProcessKillDeadline;
    out_.actions.push(KillProcess{s_.recycled.pid});
}

void Stepper::on(const RecycleRefused&) {
    if (s_.phase == Phase::kRecycling && !s_.process_ended) recycle_failed(Rule::kSignalFailed);
}

void Stepper::on(const ProcessEnded&) {
    if (s_.phase != Phase::kRecycling || s_.process_ended) return;
    s_.process_ended = s_.near_since_end = true;
    s_.process_ended_at = now_;
    out_.actions.push(SetTripwire{s_.tripwire});
    thaw_if_frozen();
    const auto respawn = recycles() ? policy_.near_oom->recycle.respawn : std::nullopt;
    s_.deadline = now_ + std::max<Duration>(respawn.value_or(milliseconds{0}), kSettle);
}

void Stepper::on(const ProcessRespawned&) {
    if (s_.phase == Phase::kRecycling) s_.respawned = true;
}

/// Good once memory was below the threshold again and the pool is complete. What leaks on in the others
/// meanwhile is the next one's matter.
void Stepper::settle_recycle() {
    Reason why;
    const bool is_near = holds(policy_.near_oom->when, s_, why);
    s_.near_since_end = s_.near_since_end && is_near;
    const bool complete = s_.respawned || !policy_.near_oom->recycle.respawn;
    if (!s_.near_since_end && complete) return recycled();
    if (is_near && s_.last.unreclaimable >= hold_line()) recycle_incomplete();
}

void Stepper::recycle_incomplete() {
    recycle_failed(s_.near_since_end ? Rule::kStillNear : Rule::kNotRespawned);
}

void Stepper::recycle_overdue() {
    if (!recycles()) return abandon_recycle();
    if (!s_.process_ended) {
        if (s_.process_killed) return recycle_failed(Rule::kGraceEnded);
        if (now_ < s_.signalled_at + policy_.near_oom->recycle.grace)
            return kill_process({Rule::kHardLimitNear, Quantity::of(s_.last.unreclaimable),
                                 Quantity::of(hold_line()), kLongestHold});
        return kill_process({Rule::kGraceEnded,
                             Quantity::of(now_ - s_.signalled_at),
                             Quantity::of(Duration(policy_.near_oom->recycle.grace)),
                             {}});
    }
    const bool complete = s_.respawned || !policy_.near_oom->recycle.respawn;
    if (s_.near_since_end || !complete) return recycle_incomplete();
    recycled();
}

void Stepper::recycled() {
    s_.phase = Phase::kWatching;
    s_.deadline = {};
    s_.last_recycle = now_;
    count_recycle();
    Event event = describe(EventType::kRecycled, s_.process_killed ? s_.kill_reason : s_.trip);
    event.outcome = s_.process_killed ? Outcome::kKilledByGovernor : Outcome::kGraceful;
    if (s_.oom_killed_in_action) event.outcome = Outcome::kOomKilled;
    event.brake = s_.brake;
    event.drain = s_.process_ended_at - s_.signalled_at;
    event.total = now_ - s_.tripped_at;
    event.freed = s_.before_recycle - std::min(s_.before_recycle, s_.last.unreclaimable);
    out_.actions.push(Publish{event});
    s_.recycled = {};
}

/// A storm of recycles is a storm of restarts, only cheaper: the policy's weight says how much.
void Stepper::count_recycle() {
    constexpr Permille kOneRestart{1000};
    s_.recycle_credit.value += policy_.near_oom->recycle.weight.value;
    if (s_.recycle_credit < kOneRestart) return;
    s_.recycle_credit.value -= kOneRestart.value;
    s_.restarts.add(now_);
}

/// The container restarts instead, by the same brake when it is still frozen; its back-off and its breaker
/// count for that restart as for any.
void Stepper::recycle_failed(Rule why) {
    if (!recycles()) return abandon_recycle();
    Reason reason{why, {}, {}, {}};
    // `auto` leaves a container without a pool to the restart that it asks for: nothing has failed.
    const bool by_choice = why == Rule::kNoPool && policy_.near_oom->action == NearOomAction::kAuto;
    if (why == Rule::kFreesTooLittle) reason.measured = Quantity::of(s_.recycled.bytes);
    if (why == Rule::kNotRespawned || why == Rule::kStillNear)
        reason.measured = Quantity::of(now_ - s_.process_ended_at);
    if (!by_choice) publish(EventType::kRecycleFailed, reason);
    s_.recycled = {};
    s_.deadline = {};
    // The one that would not end even of SIGKILL has used up the room that the others are held for.
    if (s_.others_held) {
        s_.others_held = false;
        remember_restart();
        return kill(reason);
    }
    if (breaker_says_no()) {
        thaw_if_frozen();
        return open_breaker();
    }
    if (const TimePoint allowed = next_restart_allowed(); now_ < allowed) {
        thaw_if_frozen();
        return delay(allowed);
    }
    if (!borrow(s_.trip, std::nullopt)) begin_restart(s_.trip, std::nullopt);
}

/// The policy no longer asks for it. A process that has its signal ends; nothing more is done.
void Stepper::abandon_recycle() {
    s_.recycled = {};
    out_.actions.push(SetTripwire{s_.tripwire});
    resume();
}

}  // namespace policies
