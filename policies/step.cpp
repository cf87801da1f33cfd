// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/pace.hpp"
#include "policies/stepper.hpp"

#include <algorithm>
#include <cassert>

namespace policies {
namespace {

/// A foreign stop that does not end the container within its grace and this was no stop.
constexpr Duration kForeignMargin = 10s;
/// With an infinite grace there is no time after which a foreign stop has failed; but a container whose
/// handler takes its stop signal for something else must not stay unguarded for ever.
constexpr Duration kForeignLongest = 1h;

}  // namespace

void Stepper::on(const Tick&) {
    if (s_.phase == Phase::kWatching && s_.borrowed() && now_ >= s_.loan_until) {
        static_cast<void>(end_loan());
        return;
    }
    if (s_.deadline == TimePoint{} || now_ < s_.deadline) return;
    s_.deadline = {};
    switch (s_.phase) {
        case Phase::kSignalling:
            return signal_overdue();
        case Phase::kDraining:
            return drain_overdue();
        case Phase::kExited:
            return not_back();
        case Phase::kBackingOff:
            return backoff_over();
        case Phase::kQuarantined:
            if (!acts()) return let_go();
            s_.deadline = now_ + kCapReview;
            return;
        case Phase::kLeftAlone:
            return watch_again();
        case Phase::kHeld:
            return review_hold();
        case Phase::kSurveying:
            return recycle_failed(Rule::kProcessesUnseen);
        case Phase::kRecycling:
            return recycle_overdue();
        case Phase::kDrainHook:
            return drain_hook_over();
        case Phase::kBorrowing:
            return loan_overdue();
        default:
            return;
    }
}

void Stepper::on(const Sampled& input) {
    s_.replica_away = input.replica_away;
    take(input.sample);
    switch (s_.phase) {
        case Phase::kWatching:
            if (follow_loan()) return;
            watch(input);
            return end_drain_hook();
        case Phase::kBorrowing:
            // Only where the freeze failed: a frozen one does not grow.
            return s_.frozen || s_.last.unreclaimable < hold_line() ? void() : loan_overdue();
        case Phase::kSignalling:
            // Frozen, it cannot grow; where the freeze failed, the kill line is all there is.
            if (s_.frozen) return;
            [[fallthrough]];
        case Phase::kDraining:
            if (!s_.killed && s_.limit != kUnlimited && s_.last.unreclaimable >= s_.drain_line())
                kill({Rule::kHardLimitNear,
                      Quantity::of(s_.last.unreclaimable),
                      Quantity::of(s_.drain_line()),
                      {}});
            return;
        case Phase::kBackingOff:
            acts() ? back_off() : let_go();
            return end_drain_hook();
        case Phase::kQuarantined:
            acts() ? cap() : let_go();
            return end_drain_hook();
        case Phase::kRecycling:
            return watch_recycle();
        case Phase::kHeld:
            return review_hold();
        case Phase::kDrainHook:
            return watch_drain_hook();
        default:
            return;
    }
}

void Stepper::on(const Glanced&) {
    // The last sample stands: another would show the same.
    if (s_.still < kMostStill) ++s_.still;
    s_.glanced_at = now_;
}

void Stepper::on(const Armed& input) {
    const bool first = s_.phase == Phase::kUnarmed || s_.phase == Phase::kExited;
    const bool changed = s_.hard != input.hard || s_.own_tripwire != input.tripwire;
    // A new life begins on the policy's limit, and so does one whose policy says another.
    const bool loan_over = s_.loan_from != kUnlimited && (first || !s_.borrowed() || s_.hard != input.hard);
    if (loan_over) s_.loan_from = kUnlimited;
    s_.hard = input.hard;
    s_.own_tripwire = input.tripwire;
    // What binds above stays until the next sample: the tripwire follows it.
    if (first || s_.bound_level == 0) {
        s_.limit = input.hard;
        s_.tripwire = input.tripwire;
        s_.bound_level = 0;
    }
    s_.still = 0;
    s_.grace = input.grace;
    s_.stop_signal = input.stop_signal;
    if (first || input.stop_handling != StopHandling::kUnknown) s_.stop_handling = input.stop_handling;
    if (!first) {
        s_.relaxed = false;  // arming wrote the tripwire anew
        if (s_.phase == Phase::kDraining && !s_.killed) limit_drain(kGraceMargin);
        // Arming wrote the tripwire of a watched container.
        if (s_.phase == Phase::kDrainHook) out_.actions.push(SetTripwire{brake_line()});
        if (s_.phase == Phase::kRecycling && !s_.process_ended)
            out_.actions.push(SetTripwire{s_.kill_line()});
        if (changed) publish(EventType::kArmed);
        if (loan_over) publish(EventType::kLoanRepaid);
        return;
    }
    s_.oom_kills = input.oom_kills;
    s_.deadline = {};
    expect_drain_file();
    publish(EventType::kArmed);
    if (s_.restarting) restart_finished();
    if (loan_over) publish(EventType::kLoanRepaid);
    if (!s_.quarantined) {
        s_.phase = Phase::kWatching;
    } else if (acts()) {
        enter_cap(Phase::kQuarantined);
    } else {
        let_go();
    }
}

void Stepper::on(const SignalPending& input) {
    if (s_.phase != Phase::kSignalling) return;
    s_.via = input.via;
    s_.brake = now_ - s_.signalled_at;
    begin_drain();
    publish(EventType::kSignalled);
}

void Stepper::on(const StopRefused&) {
    if (s_.phase == Phase::kSignalling && s_.asked_docker) return go_direct(Rule::kDockerError);
    // The signal came through, but Docker gave the restart up: it will not start the container.
    s_.asked_docker = false;
    if (s_.phase == Phase::kExited) s_.deadline = std::min(s_.deadline, now_ + kBackDeadline);
}

void Stepper::on(const SignalFailed&) {
    if (s_.phase != Phase::kSignalling) return;
    publish(EventType::kActionFailed, {Rule::kSignalFailed, {}, {}, {}});
    kill({Rule::kSignalFailed, {}, {}, {}});
}

void Stepper::on(const Frozen& input) {
    if (input.stop_handling != StopHandling::kUnknown) s_.stop_handling = input.stop_handling;
    if (s_.phase == Phase::kSignalling) publish(EventType::kBrake);
}

void Stepper::on(const BrakeFailed&) {
    s_.frozen = false;
    s_.brake_failed = true;
    publish(EventType::kActionFailed);
    if (s_.phase != Phase::kHeld) return;
    // It runs on, and is not held again before it was below its threshold.
    s_.phase = Phase::kWatching;
    s_.deadline = {};
    s_.hold_released = true;
}

void Stepper::on(const Exited& input) {
    const bool oom = count_oom_kills(input.oom_kills);
    s_.frozen = false;
    s_.exit_code = input.exit_code;
    s_.death = input.death;
    s_.others_held = false;
    s_.back_at = {};
    if (s_.phase == Phase::kSignalling || s_.phase == Phase::kDraining) return exited_by_us(oom);
    if (s_.phase == Phase::kExited) return;
    // A main process that does not survive the end of its child: this program ended the one, so it sees to it
    // that the container comes back.
    if (s_.phase == Phase::kRecycling) {
        publish(EventType::kExited);
        remember_restart();
        return exited_by_us(oom);
    }
    // The restart had begun, and the hook itself may have ended it.
    if (s_.phase == Phase::kDrainHook) {
        publish(EventType::kExited);
        count_restart();
        return exited_by_us(oom);
    }
    publish(EventType::kExited);
    if (s_.phase == Phase::kLeftAlone) {
        end_quarantine(Rule::kOperatorStop);
        forget_history();
    }
    s_.phase = Phase::kUnarmed;
    s_.deadline = {};
}

void Stepper::on(const Started&) {
    // Its exit was missed: what ended it, and how, is not known.
    if (s_.phase == Phase::kSignalling || s_.phase == Phase::kDraining || s_.phase == Phase::kDrainHook) {
        if (s_.phase == Phase::kDrainHook) count_restart();
        s_.exit_code = -1;
        s_.death = {};
        exited_by_us(false);
    }
    s_.away = {};
    if (s_.restarting) s_.away = {s_.exited_at - s_.signalled_at, now_ - s_.exited_at, {}, {}};
    s_.started_at = now_;
    s_.back_at = {};
    s_.has_sample = s_.held_back = s_.near_shared_limit = s_.writeback_stuck = false;
    s_.writeback_looks = 0;
    s_.still = 0;
    s_.growth = 0;
    s_.relaxed = s_.warned = s_.notified = s_.frozen = s_.killed = s_.asked_docker = false;
    s_.brake_failed = s_.stopped_by_other = s_.unanswered = false;
    s_.recycled = {};
    s_.surveyed_near = s_.others_held = s_.hold_released = false;
    s_.deadline = {};
    if (!s_.restarting) s_.peak = {};
    s_.phase = Phase::kUnarmed;
}

void Stepper::on(const DockerKill& input) {
    const bool own = input.signal == s_.stop_signal;
    const bool kill = input.signal == kSignalKill;
    if (own && s_.phase == Phase::kSignalling && s_.asked_docker) return on(SignalPending{Via::kDocker});
    if (own || kill) stopped_by_other(kill && !own);
}

void Stepper::stopped_by_other(bool kill) {
    switch (s_.phase) {
        case Phase::kSignalling:
            if (!kill) return on(SignalPending{Via::kSomeoneElse});
            // It dies although it is frozen: the exit follows, and nothing is left to hand over. A Docker
            // that was asked to restart it and could not deliver its signal kills as well, and starts it.
            if (!s_.asked_docker) s_.stopped_by_other = true;
            return;
        case Phase::kDraining:
            // Docker's own signals come here too when it was Docker who was asked; otherwise it was somebody.
            if (s_.via == Via::kDirect) s_.stopped_by_other = true;
            return;
        case Phase::kLeftAlone:
        case Phase::kUnarmed:
            return;
        case Phase::kExited:
            return leave_ended();
        default:
            break;
    }
    if (policy_.near_oom) out_.actions.push(SetTripwire{s_.kill_line()});
    thaw_if_frozen();
    s_.phase = Phase::kLeftAlone;
    s_.deadline = s_.grace.is_infinite() ? now_ + kForeignLongest : s_.grace.after(now_ + kForeignMargin);
    publish(EventType::kLeftAlone);
}

/// `docker stop --signal` sends another signal than the container's own, and Docker's event stream may lose
/// a `kill` event: the stop is then known from its end. With a Docker that was asked for a restart, this is
/// the restart's own.
void Stepper::on(const DockerStop&) {
    if (s_.phase == Phase::kExited) {
        if (!s_.asked_docker && !s_.unanswered) leave_ended();
        return;
    }
    if (s_.phase == Phase::kUnarmed && !s_.restarting && s_.quarantined) {
        end_quarantine(Rule::kOperatorStop);
        forget_history();
    }
}

void Stepper::on(const Paused&) {
    if (s_.phase != Phase::kWatching && s_.phase != Phase::kBackingOff && s_.phase != Phase::kQuarantined &&
        s_.phase != Phase::kRecycling && s_.phase != Phase::kHeld && s_.phase != Phase::kDrainHook &&
        s_.phase != Phase::kBorrowing)
        return;
    // Given up with the pause: the process that was signalled ends when it runs again.
    const bool raised = s_.phase == Phase::kDrainHook || (s_.phase == Phase::kRecycling && !s_.process_ended);
    if (raised) out_.actions.push(SetTripwire{s_.tripwire});
    s_.recycled = {};
    s_.phase = Phase::kPaused;
    s_.deadline = {};
    publish(EventType::kLeftAlone);
}

void Stepper::on(const Unpaused&) {
    if (s_.phase == Phase::kPaused) resume();
}

void Stepper::on(const Released&) {
    if (s_.phase == Phase::kHeld) return end_hold(Rule::kOperator);
    if (!s_.quarantined && s_.phase != Phase::kBackingOff) return;
    end_quarantine(Rule::kOperator);
    forget_history();
    const bool capped = s_.phase == Phase::kQuarantined || s_.phase == Phase::kBackingOff;
    if (capped || s_.phase == Phase::kPaused) out_.actions.push(SetTripwire{s_.tripwire});
    if (capped) backoff_over();
}

void Stepper::on(const WarnDone& input) {
    if (input.good) {
        publish(EventType::kWarned, s_.warn_reason);
    } else {
        publish(EventType::kActionFailed, s_.warn_reason);
    }
}

void Stepper::on(const Adopt& input) {
    if (s_.phase != Phase::kUnarmed && s_.phase != Phase::kWatching) return;
    if (input.signalled && acts()) {
        s_.via = Via::kDocker;
        s_.tripped_at = now_ - input.since;
        s_.asked_docker = true;
        begin_drain();
        s_.signalled_at = now_ - input.since;
        limit_drain(kGraceMargin);
    } else {
        out_.actions.push(Thaw{});
        s_.frozen = false;
    }
    publish(EventType::kAdopted);
}

void Stepper::finish() {
    const Duration pace = sample_pace(policy_, s_);
    if (pace != Duration::max()) {
        const TimePoint looked = std::max(s_.last_at, s_.glanced_at);
        out_.sample_at = (s_.has_sample ? std::max(looked, now_ - pace) : now_) + pace;
    }
    out_.quiet = event_pace(policy_, s_);
    out_.deadline = s_.deadline == TimePoint{} ? TimePoint::max() : s_.deadline;
    // A loan may have become due while the container was left alone.
    if (s_.phase == Phase::kWatching && s_.borrowed())
        out_.deadline = std::min(out_.deadline, std::max(s_.loan_until, now_ + 1ms));
}

bool Stepper::acts() const {
    return policy_.near_oom && policy_.near_oom->action != NearOomAction::kNotify;
}

void Actions::push(const Action& action) {
    assert(size_ < kCapacity);
    if (size_ < kCapacity) items_[size_++] = action;
}

StepResult step(const ServicePolicy& policy, const State& state, const Input& input) {
    StepResult out{.state = state, .actions = {}};
    Stepper stepper(policy, out, input.now);
    std::visit([&stepper](const auto& what) { stepper.on(what); }, input.what);
    stepper.finish();
    return out;
}

}  // namespace policies
