// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stepper.hpp"

#include <algorithm>
#include <utility>

/// Replicas of one service restart one at a time: the one that comes near its limit while another is away
/// gets a bounded loan of headroom, and restarts when the other is back.
namespace policies {
namespace {

/// A drain with a long grace would hold a loan for as long; whoever waits longer restarts.
constexpr Duration kLoanFor = 5min;
constexpr Duration kRepayAgain = 10s;
/// memory.max is kept in whole pages.
constexpr std::uint64_t kLargestPage = 65536;
/// A health check that is not healthy by then says something else than how long the restart took.
constexpr Duration kHealthAwaited = 10min;

}  // namespace

/// Frozen until Docker has answered: nothing can grow to its limit while it waits for a loan. False: no loan
/// is possible.
bool Stepper::borrow(const Reason& why, std::optional<EventType> type) {
    const NearOom& near = *policy_.near_oom;
    if (!near.loan || near.action == NearOomAction::kKill || !s_.replica_away) return false;
    // Below a limit above that binds, a higher one of its own is no room.
    if (s_.loan_from != kUnlimited || s_.bound_level != 0 || s_.hard == kUnlimited) return false;
    const std::uint64_t loan = near.loan->of(s_.hard).value / kLargestPage * kLargestPage;
    if (loan == 0 || loan > kUnlimited.value - s_.hard.value) return false;
    if (s_.last.unreclaimable >= s_.kill_line()) return false;
    s_.trip = why;
    s_.tripped_at = now_;
    if (!s_.frozen) out_.actions.push(Freeze{});
    s_.frozen = true;
    out_.actions.push(GrantLoan{s_.hard + Bytes{loan}});
    s_.phase = Phase::kBorrowing;
    // The other half is left for the stop signal.
    s_.deadline = now_ + std::max<Duration>(Duration(near.brake.docker_timeout) / 2, 1ms);
    if (!type) return true;
    out_.actions.push(SurveyProcesses{});
    publish(*type, why);
    return true;
}

void Stepper::on(const LoanDone& input) {
    if (s_.phase == Phase::kBorrowing) {
        if (input.granted && input.hard > s_.hard) return lend(input.hard);
        return no_loan({Rule::kReplicaAway, {}, {}, {}});
    }
    const bool repaying = s_.loan_from != kUnlimited && !s_.borrowed();
    if (!repaying || input.granted) return;
    if (input.hard <= s_.loan_from) return loan_is_repaid();
    publish(EventType::kActionFailed, {Rule::kReplicaAway, {}, {}, {}});
}

void Stepper::lend(Bytes hard) {
    const Bytes loan = hard - s_.hard;
    s_.loan_from = s_.hard;
    s_.loan_until = now_ + kLoanFor;
    use_hard_limit(hard);
    s_.phase = Phase::kWatching;
    s_.deadline = {};
    out_.actions.push(SetTripwire{s_.tripwire});
    thaw_if_frozen();
    Event event = describe(EventType::kLoanGranted, {Rule::kReplicaAway, Quantity::of(loan), {}, {}});
    event.brake = now_ - s_.tripped_at;
    out_.actions.push(Publish{event});
}

/// The restart goes ahead, by the same brake.
void Stepper::no_loan(const Reason& why) {
    publish(EventType::kActionFailed, why);
    s_.deadline = {};
    const bool restarts =
        policy_.near_oom && (policy_.near_oom->action == NearOomAction::kGracefulRestart || recycles());
    if (!restarts) return resume();
    begin_restart(s_.trip, std::nullopt);
}

void Stepper::loan_overdue() {
    const Duration limit = policy_.near_oom ? Duration(policy_.near_oom->brake.docker_timeout) / 2 : 0s;
    no_loan({Rule::kReplicaAway, Quantity::of(now_ - s_.tripped_at), Quantity::of(limit), {}});
}

/// True when it restarts: nothing more is to be looked at in this sample.
bool Stepper::follow_loan() {
    if (s_.loan_from == kUnlimited) return false;
    if (s_.borrowed()) return (!s_.replica_away || now_ >= s_.loan_until) && end_loan();
    if (now_ >= s_.loan_until) repay_loan();
    return false;
}

/// The other one is back, or the loan has lasted long enough. Below what is used, no limit is set: the kernel
/// would kill at once.
bool Stepper::end_loan() {
    s_.loan_until = now_ + kRepayAgain;
    if (!s_.has_sample) return false;
    if (fits_without_loan()) {
        repay_loan();
        return false;
    }
    if (!can_restart_with()) return false;
    begin_restart(s_.trip, std::nullopt);
    return true;
}

bool Stepper::fits_without_loan() const {
    if (s_.last.unreclaimable >= policy_.memory.tripwire.of(s_.loan_from)) return false;
    if (!policy_.near_oom) return true;
    State before = s_;
    before.hard = s_.loan_from;
    if (before.bound_level == 0) before.limit = s_.loan_from;
    before.loan_from = kUnlimited;
    Reason why;
    return !holds(policy_.near_oom->when, before, why);
}

void Stepper::use_hard_limit(Bytes hard) {
    s_.hard = hard;
    s_.relaxed = false;
    s_.still = 0;
    State own = s_;
    own.bound_level = 0;
    own.limit = hard;
    s_.own_tripwire = acts() ? own.threshold(policy_.memory.tripwire) : kUnlimited;
    if (s_.bound_level != 0) return;
    s_.limit = hard;
    s_.tripwire = s_.own_tripwire;
}

/// Tripwire first: what grows until Docker has lowered the limit is slowed down.
void Stepper::repay_loan() {
    use_hard_limit(s_.loan_from);
    s_.loan_until = now_ + kRepayAgain;
    out_.actions.push(SetTripwire{s_.tripwire});
    out_.actions.push(RepayLoan{s_.loan_from});
}

void Stepper::loan_is_repaid() {
    s_.loan_from = kUnlimited;
    s_.loan_until = {};
    // systemd has rewritten memory.high together with the limit.
    if (s_.phase == Phase::kWatching)
        out_.actions.push(SetTripwire{s_.relaxed ? s_.kill_line() : s_.tripwire});
    publish(EventType::kLoanRepaid);
}

/// `away.healthy` counts from when its limits were on it: a check that was healthy before took no time.
void Stepper::on(const Healthy&) {
    if (s_.restarting && s_.phase == Phase::kUnarmed) {
        s_.back_at = now_;
        return;
    }
    const TimePoint back = std::exchange(s_.back_at, {});
    if (back == TimePoint{} || now_ - back > kHealthAwaited) return;
    s_.away.healthy = now_ - back;
    Event event = describe(EventType::kAvailableAgain, s_.trip);
    event.away = s_.away;
    event.total = now_ - s_.tripped_at;
    out_.actions.push(Publish{event});
}

}  // namespace policies
