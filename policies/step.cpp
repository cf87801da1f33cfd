// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/step.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "policies/pace.hpp"

namespace policies {
namespace {

using namespace std::chrono_literals;

/// Docker enforces the grace itself on its path; the governor's own deadline must come after it, not race it.
constexpr Duration kGraceMargin = 2s;
/// How long a kernel-side signal or a kill may take to show.
constexpr Duration kDirectDeadline = 1s;
constexpr Duration kKillDeadline = 10s;
/// Docker's restart policy starts a container within 100 ms of a first exit; its own back-off ends at 1 min.
constexpr Duration kBackDeadline = 10s;
constexpr Duration kBackRetry = 30s;
/// A foreign stop that does not end the container within its grace and this was no stop.
constexpr Duration kForeignMargin = 10s;
/// A frozen, quarantined container is looked at again this often.
constexpr Duration kCapReview = 10s;
/// Growth is smoothed over this time: long enough for a saw-tooth of small allocations, short enough for a burst.
constexpr double kGrowthTau = 2.0;
/// Less reclaimable memory than this share of the hard limit cannot be "page cache that fills the container".
constexpr Permille kChurnShare{30};

class Stepper {
  public:
    Stepper(const ServicePolicy& policy, const State& state, TimePoint now) : policy_(policy), now_(now) {
        out_.state = state;
    }

    StepResult finish() {
        const Duration pace = sample_pace(policy_, s_);
        if (pace != Duration::max()) out_.sample_at = (s_.has_sample ? std::max(s_.last_at, now_ - pace) : now_) + pace;
        out_.quiet = event_pace(policy_, s_);
        out_.deadline = s_.deadline == TimePoint{} ? TimePoint::max() : s_.deadline;
        return out_;
    }

    void on(const Tick&) {
        if (s_.deadline == TimePoint{} || now_ < s_.deadline) return;
        s_.deadline = {};
        switch (s_.phase) {
            case Phase::kSignalling: return signal_overdue();
            case Phase::kDraining: return drain_overdue();
            case Phase::kExited: return not_back();
            case Phase::kBackingOff: return backoff_over();
            case Phase::kQuarantined:
                if (!acts()) return let_go();
                s_.deadline = now_ + kCapReview;
                return;
            case Phase::kLeftAlone: return watch_again();
            default: return;
        }
    }

    void on(const Sampled& input) {
        take(input.sample);
        switch (s_.phase) {
            case Phase::kWatching: return watch(input.tripped);
            case Phase::kDraining:
                if (!s_.killed && s_.hard != kUnlimited && s_.last.unreclaimable >= s_.kill_line())
                    kill({Rule::kHardLimitNear, Quantity::of(s_.last.unreclaimable), Quantity::of(s_.kill_line()), {}});
                return;
            case Phase::kBackingOff: return acts() ? back_off() : let_go();
            case Phase::kQuarantined: return acts() ? cap() : let_go();
            default: return;
        }
    }

    void on(const Armed& input) {
        const bool first = s_.phase == Phase::kUnarmed || s_.phase == Phase::kExited;
        const bool changed = s_.hard != input.hard || s_.tripwire != input.tripwire;
        s_.hard = input.hard;
        s_.tripwire = input.tripwire;
        s_.grace = input.grace;
        s_.stop_handling = input.stop_handling;
        if (!first) {
            s_.relaxed = false;  // arming wrote the tripwire anew
            if (s_.phase == Phase::kDraining && !s_.killed) limit_drain(kGraceMargin);
            if (changed) publish(EventType::kArmed);
            return;
        }
        s_.oom_kills = input.oom_kills;
        s_.deadline = {};
        publish(EventType::kArmed);
        if (s_.restarting) restart_finished();
        if (s_.quarantined) {
            enter_cap(Phase::kQuarantined);
        } else {
            s_.phase = Phase::kWatching;
        }
    }

    void on(const SignalPending& input) {
        if (s_.phase != Phase::kSignalling) return;
        s_.via = input.via;
        s_.brake = now_ - s_.tripped_at;
        begin_drain();
        publish(EventType::kSignalled);
    }

    void on(const StopRefused&) {
        if (s_.phase == Phase::kSignalling && s_.asked_docker) go_direct(Rule::kDockerError);
    }

    void on(const SignalFailed&) {
        if (s_.phase != Phase::kSignalling) return;
        publish(EventType::kActionFailed, {Rule::kSignalFailed, {}, {}, {}});
        kill({Rule::kSignalFailed, {}, {}, {}});
    }

    void on(const Frozen& input) {
        if (input.stop_handling != StopHandling::kUnknown) s_.stop_handling = input.stop_handling;
        if (s_.phase == Phase::kSignalling) publish(EventType::kBrake);
    }

    void on(const BrakeFailed&) {
        s_.frozen = false;
        publish(EventType::kActionFailed);
    }

    void on(const Exited& input) {
        const bool oom = count_oom_kills(input.oom_kills);
        s_.frozen = false;
        s_.exit_code = input.exit_code;
        if (s_.phase == Phase::kSignalling || s_.phase == Phase::kDraining) return exited_by_us(oom);
        if (s_.phase == Phase::kExited) return;
        publish(EventType::kExited);
        if (s_.phase == Phase::kLeftAlone) forget_history();
        s_.phase = Phase::kUnarmed;
        s_.deadline = {};
    }

    void on(const Started&) {
        s_.has_sample = false;
        s_.growth = 0;
        s_.relaxed = s_.warned = s_.notified = s_.frozen = s_.killed = s_.asked_docker = false;
        s_.deadline = {};
        if (!s_.restarting) s_.peak = {};
        s_.phase = Phase::kUnarmed;
    }

    void on(const StoppedByOther&) {
        switch (s_.phase) {
            case Phase::kSignalling: return on(SignalPending{Via::kSomeoneElse});
            case Phase::kDraining:
            case Phase::kLeftAlone:
            case Phase::kUnarmed: return;
            case Phase::kExited:
                s_.restarting = false;
                s_.phase = Phase::kUnarmed;
                s_.deadline = {};
                return publish(EventType::kLeftAlone);
            default: break;
        }
        if (policy_.near_oom) out_.actions.push(SetTripwire{s_.kill_line()});
        thaw_if_frozen();
        s_.phase = Phase::kLeftAlone;
        s_.deadline = now_ + s_.grace + kForeignMargin;
        publish(EventType::kLeftAlone);
    }

    void on(const Paused&) {
        if (s_.phase != Phase::kWatching && s_.phase != Phase::kBackingOff && s_.phase != Phase::kQuarantined) return;
        s_.phase = Phase::kPaused;
        s_.deadline = {};
        publish(EventType::kLeftAlone);
    }

    void on(const Unpaused&) {
        if (s_.phase == Phase::kPaused) resume();
    }

    void on(const Released&) {
        if (!s_.quarantined && s_.phase != Phase::kBackingOff) return;
        const bool was = s_.quarantined;
        forget_history();
        if (was) publish(EventType::kBreakerReleased, {Rule::kOperator, {}, {}, {}});
        const bool capped = s_.phase == Phase::kQuarantined || s_.phase == Phase::kBackingOff;
        if (capped || s_.phase == Phase::kPaused) out_.actions.push(SetTripwire{s_.tripwire});
        if (capped) backoff_over();
    }

    void on(const WarnDone& input) {
        if (input.good) {
            publish(EventType::kWarned, s_.warn_reason);
        } else {
            publish(EventType::kActionFailed, s_.warn_reason);
        }
    }

    void on(const Adopt& input) {
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
        }
        publish(EventType::kAdopted);
    }

  private:
    /// Whether the policy does anything but watch and tell. A reload may change that in the middle of things.
    bool acts() const { return policy_.near_oom && policy_.near_oom->action != NearOomAction::kNotify; }

    // -- watching --

    void take(const Sample& sample) {
        if (s_.has_sample && now_ > s_.last_at) {
            const double seconds = std::chrono::duration<double>(now_ - s_.last_at).count();
            const double delta = static_cast<double>(sample.unreclaimable.value) -
                                 static_cast<double>(s_.last.unreclaimable.value);
            const double weight = 1.0 - std::exp(-seconds / kGrowthTau);
            s_.growth += (delta / seconds - s_.growth) * weight;
        }
        s_.last = sample;
        s_.last_at = now_;
        s_.has_sample = true;
        s_.peak = std::max(s_.peak, sample.unreclaimable);
        count_oom_kills(sample.oom_kills);
    }

    bool count_oom_kills(std::uint64_t now_counted) {
        if (now_counted <= s_.oom_kills) return false;
        const auto delta = static_cast<std::int64_t>(now_counted - s_.oom_kills);
        s_.oom_kills = now_counted;
        s_.oom_killed_in_action = true;
        Event event = describe(EventType::kOomKilled, {Rule::kOomKillCounter, Quantity::count(delta), {}, {}});
        event.count = delta;
        out_.actions.push(Publish{event});
        return true;
    }

    void watch(bool tripped) {
        if (!policy_.near_oom || s_.hard == kUnlimited) return;
        const NearOom& near = *policy_.near_oom;
        Reason why;
        if (holds(near.when, s_, why)) return trip(why);
        s_.notified = false;
        if (near.warn) warn(*near.warn);
        if (s_.relaxed) {
            restore_tripwire();
        } else if (tripped) {
            note_churn(near);
        }
    }

    void warn(const Warn& call) {
        Reason why;
        if (s_.warned && now_ < s_.warned_at + call.every) return;
        if (!holds(call.when, s_, why)) return;
        s_.warned = true;
        s_.warned_at = now_;
        s_.warn_reason = why;
        out_.actions.push(CallWarn{});
    }

    /// The tripwire fired, but not for memory that cannot be had back: never throttle a healthy cache. Above the lifted tripwire
    /// the kernel still tells us, so that growth behind the cache is seen.
    void note_churn(const NearOom& near) {
        const Bytes reclaimable = s_.last.current - s_.last.unreclaimable;
        if (reclaimable < share_of(s_.hard, kChurnShare)) return;
        s_.relaxed = true;
        s_.relaxed_until = now_ + near.relax;
        out_.actions.push(SetTripwire{s_.kill_line()});
        publish(EventType::kPageCacheChurn,
                {Rule::kTripwire, Quantity::of(s_.last.current), Quantity::of(s_.tripwire), near.relax});
    }

    void restore_tripwire() {
        // While the cache is still there, setting it back would only make the kernel reclaim and fire again.
        const bool below = s_.last.current + share_of(s_.hard, Permille{20}) < s_.tripwire;
        if (!below) return;
        s_.relaxed = false;
        out_.actions.push(SetTripwire{s_.tripwire});
    }

    // -- acting --

    void trip(const Reason& why) {
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

    void begin_restart(const Reason& why) {
        const NearOom& near = *policy_.near_oom;
        s_.trip = why;
        s_.tripped_at = now_;
        s_.oom_killed_in_action = false;
        s_.outcome = Outcome::kNone;
        s_.exit_code = -1;
        s_.via = Via::kNone;
        s_.brake = {};
        remember_restart();
        if (near.action == NearOomAction::kKill) {
            publish(EventType::kOomNear, why);
            return kill({Rule::kPolicyKill, why.measured, why.threshold, {}});
        }
        if (!s_.frozen) out_.actions.push(Freeze{});
        s_.frozen = true;
        out_.actions.push(AskStop{near.drain.grace.has_value(), s_.grace});
        s_.asked_docker = true;
        s_.phase = Phase::kSignalling;
        s_.deadline = now_ + near.brake.docker_timeout;
        publish(EventType::kOomNear, why);
    }

    void signal_overdue() {
        if (s_.asked_docker && s_.via != Via::kDirect) return go_direct(Rule::kDockerTimeout);
        on(SignalFailed{});
    }

    void go_direct(Rule rule) {
        const Duration limit = policy_.near_oom ? policy_.near_oom->brake.docker_timeout : milliseconds{0};
        s_.via = Via::kDirect;
        s_.asked_docker = false;
        s_.deadline = now_ + kDirectDeadline;
        out_.actions.push(SignalStop{});
        publish(EventType::kDockerSlow, {rule, Quantity::of(now_ - s_.tripped_at), Quantity::of(limit), {}});
    }

    /// Tripwire first, then the thaw: the handler needs the headroom from its first instruction on.
    void begin_drain() {
        const Duration hold = policy_.near_oom ? policy_.near_oom->brake.hold_timeout : milliseconds{0};
        out_.actions.push(SetTripwire{s_.kill_line()});
        out_.actions.push(Thaw{hold});
        s_.frozen = false;
        s_.killed = false;
        s_.phase = Phase::kDraining;
        s_.signalled_at = now_;
        limit_drain(1ms);
    }

    /// The grace counts from the signal, however late it or the grace became known; `least` is what is left in any case.
    void limit_drain(Duration least) {
        const Duration margin = s_.via == Via::kDirect ? Duration{0} : kGraceMargin;
        s_.deadline = std::max(s_.signalled_at + s_.grace + margin, now_ + least);
    }

    void kill(const Reason& why) {
        out_.actions.push(KillWhole{});
        if (s_.phase != Phase::kDraining) s_.signalled_at = now_;
        s_.phase = Phase::kDraining;
        s_.killed = true;
        s_.frozen = false;
        s_.deadline = now_ + kKillDeadline;
        s_.kill_reason = why;
        publish(EventType::kKilled, why);
    }

    void drain_overdue() {
        if (!s_.killed)
            return kill({Rule::kGraceEnded, Quantity::of(now_ - s_.signalled_at), Quantity::of(s_.grace), {}});
        publish(EventType::kActionFailed, s_.kill_reason);
        out_.actions.push(KillWhole{});
        s_.deadline = now_ + kKillDeadline;
    }

    void exited_by_us(bool oom) {
        s_.outcome = Outcome::kGraceful;
        if (s_.exit_code == 137) s_.outcome = Outcome::kKilledAtGraceEnd;
        if (s_.killed) s_.outcome = Outcome::kKilledByGovernor;
        if (oom || s_.oom_killed_in_action) s_.outcome = Outcome::kOomKilled;
        if (s_.phase == Phase::kSignalling) s_.signalled_at = now_;
        s_.exited_at = now_;
        s_.phase = Phase::kExited;
        s_.restarting = true;
        s_.deadline = now_ + kBackDeadline;
    }

    void not_back() {
        s_.deadline = now_ + kBackRetry;
        out_.actions.push(StartContainer{});
        publish(EventType::kActionFailed,
                {Rule::kNotBack, Quantity::of(now_ - s_.exited_at), Quantity::of(kBackDeadline), {}});
    }

    void restart_finished() {
        s_.restarting = false;
        s_.last_restart = now_;
        ++s_.backoff_steps;
        Event event = describe(EventType::kRestartFinished, s_.outcome == Outcome::kKilledByGovernor ? s_.kill_reason : s_.trip);
        event.outcome = s_.outcome;
        event.via = s_.via;
        event.exit_code = s_.exit_code;
        event.brake = s_.brake;
        event.drain = s_.exited_at - s_.signalled_at;
        event.total = now_ - s_.tripped_at;
        event.unreclaimable = s_.trip_unreclaimable;
        event.count = static_cast<std::int64_t>(s_.restart_count);
        event.growth = s_.trip_growth;
        out_.actions.push(Publish{event});
        s_.via = Via::kNone;
        s_.peak = {};
        s_.brake = {};
    }

    // -- spacing and breaker --

    void remember_restart() {
        s_.trip_unreclaimable = s_.last.unreclaimable;
        s_.trip_growth = static_cast<std::int64_t>(s_.growth);
        if (s_.restart_count == State::kHistory) {
            std::move(s_.restarts.begin() + 1, s_.restarts.end(), s_.restarts.begin());
            --s_.restart_count;
        }
        s_.restarts[s_.restart_count++] = now_;
    }

    void forget_history() {
        s_.quarantined = false;
        s_.restart_count = 0;
        s_.backoff_steps = 0;
    }

    bool breaker_says_no() {
        const auto begin = s_.restarts.begin();
        const auto end = begin + static_cast<std::ptrdiff_t>(s_.restart_count);
        const TimePoint oldest = now_ - policy_.restart.breaker.within;
        const auto kept = std::find_if(begin, end, [oldest](TimePoint at) { return at > oldest; });
        s_.restart_count = static_cast<std::size_t>(std::distance(kept, end));
        if (kept != begin) std::move(kept, end, begin);
        // No more can be told apart than are remembered: a larger number would never open it.
        const int allowed = std::clamp(policy_.restart.breaker.restarts, 1, static_cast<int>(State::kHistory));
        return s_.restart_count >= static_cast<std::size_t>(allowed);
    }

    TimePoint next_restart_allowed() {
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

    void delay(TimePoint until) {
        enter_cap(Phase::kBackingOff);
        s_.deadline = until;
        publish(EventType::kRestartDelayed, {Rule::kBackoff, Quantity::of(now_ - s_.last_restart),
                                             Quantity::of(until - s_.last_restart), {}});
        cap();
    }

    void open_breaker() {
        s_.quarantined = true;
        const Breaker& breaker = policy_.restart.breaker;
        enter_cap(Phase::kQuarantined);
        Event event = describe(EventType::kBreakerOpened,
                               {Rule::kBreaker, Quantity::count(static_cast<std::int64_t>(s_.restart_count)),
                                Quantity::count(breaker.restarts), breaker.within});
        event.count = static_cast<std::int64_t>(s_.restart_count);
        out_.actions.push(Publish{event});
        cap();
    }

    void enter_cap(Phase phase) {
        s_.phase = phase;
        s_.relaxed = false;
        s_.deadline = phase == Phase::kQuarantined ? now_ + kCapReview : TimePoint{};
        out_.actions.push(SetTripwire{phase == Phase::kQuarantined ? policy_.restart.breaker.cap.of(s_.hard) : s_.tripwire});
    }

    /// Capped, it creeps on; half way between tripwire and hard limit it is frozen, so that its handler still has room later.
    void cap() {
        if (s_.frozen || !s_.has_sample) return;
        const Bytes line = s_.tripwire + Bytes{(s_.hard - s_.tripwire).value / 2};
        if (s_.last.unreclaimable < line) return;
        s_.frozen = true;
        out_.actions.push(Freeze{});
        publish(EventType::kCapFrozen,
                {Rule::kHardLimitNear, Quantity::of(s_.last.unreclaimable), Quantity::of(line), {}});
    }

    void back_off() {
        Reason why;
        // Clearly below again, not at the edge of it.
        if (!s_.frozen && !holds(policy_.near_oom->when, s_, why) &&
            s_.last.unreclaimable + share_of(s_.hard, Permille{50}) < s_.tripwire)
            return resume();
        cap();
    }

    void backoff_over() {
        Reason why;
        if (acts() && s_.has_sample && (s_.frozen || holds(policy_.near_oom->when, s_, why))) {
            if (why.rule == Rule::kNone) why = s_.trip;
            return begin_restart(why);
        }
        resume();
    }

    /// A reload took away what the cap was for.
    void let_go() {
        forget_history();
        out_.actions.push(SetTripwire{s_.tripwire});
        resume();
    }

    void resume() {
        thaw_if_frozen();
        s_.has_sample = false;
        s_.deadline = {};
        if (s_.quarantined) return enter_cap(Phase::kQuarantined);
        s_.phase = Phase::kWatching;
    }

    void watch_again() {
        if (policy_.near_oom) out_.actions.push(SetTripwire{s_.tripwire});
        resume();
    }

    void thaw_if_frozen() {
        if (!s_.frozen) return;
        out_.actions.push(Thaw{});
        s_.frozen = false;
    }

    // -- telling --

    Event describe(EventType type, const Reason& why) const {
        Event event;
        event.type = type;
        event.at = now_;
        event.reason = why;
        event.current = s_.last.current;
        event.unreclaimable = s_.last.unreclaimable;
        event.hard = s_.hard;
        event.tripwire = s_.tripwire;
        event.peak = s_.peak;
        event.growth = static_cast<std::int64_t>(s_.growth);
        const Duration eta = forecast(s_);
        event.eta = eta == Duration::max() ? Duration{0} : eta;
        event.stop_handling = s_.stop_handling;
        event.frozen = s_.frozen;
        return event;
    }

    void publish(EventType type, const Reason& why) { out_.actions.push(Publish{describe(type, why)}); }

    void publish(EventType type) {
        Event event = describe(type, type == EventType::kBrake || type == EventType::kSignalled ? s_.trip : Reason{});
        if (type == EventType::kBrake) event.brake = now_ - s_.tripped_at;
        if (type == EventType::kSignalled) {
            event.brake = s_.brake;
            event.via = s_.via;
        }
        if (type == EventType::kExited) event.exit_code = s_.exit_code;
        out_.actions.push(Publish{event});
    }

    const ServicePolicy& policy_;
    TimePoint now_;
    StepResult out_;
    State& s_ = out_.state;
};

}  // namespace

void Actions::push(const Action& action) {
    assert(size_ < kCapacity);
    if (size_ < kCapacity) items_[size_++] = action;
}

Bytes State::kill_line() const {
    if (hard == kUnlimited) return kUnlimited;
    const Bytes one_percent = share_of(hard, Permille{10});
    return hard - std::clamp(one_percent, 2_MiB, 16_MiB);
}

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::kUnarmed: return "unarmed";
        case Phase::kWatching: return "watching";
        case Phase::kSignalling: return "signalling";
        case Phase::kDraining: return "draining";
        case Phase::kExited: return "exited";
        case Phase::kBackingOff: return "backing_off";
        case Phase::kQuarantined: return "quarantined";
        case Phase::kLeftAlone: return "left_alone";
        case Phase::kPaused: return "paused";
    }
    return "unknown";
}

Duration forecast(const State& state) {
    if (state.hard == kUnlimited || !state.has_sample || state.growth < 1.0) return Duration::max();
    const double seconds = static_cast<double>((state.hard - state.last.unreclaimable).value) / state.growth;
    constexpr double kForever = 1e9;
    if (seconds > kForever) return Duration::max();
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

bool holds(const Condition& condition, const State& state, Reason& why) {
    if (condition.terms.empty() || !state.has_sample) return false;
    bool found = false;
    for (const Term& term : condition.terms) {
        Reason reason;
        bool is = false;
        switch (term.measure) {
            case Measure::kUnreclaimable:
            case Measure::kCurrent: {
                const bool all_memory = term.measure == Measure::kCurrent;
                const Bytes measured = all_memory ? state.last.current : state.last.unreclaimable;
                const Bytes threshold = term.size.of(state.hard);
                is = threshold != kUnlimited && measured >= threshold;
                reason = {all_memory ? Rule::kCurrent : Rule::kUnreclaimable, Quantity::of(measured),
                          Quantity::of(threshold), {}};
                break;
            }
            case Measure::kEta: {
                const Duration eta = forecast(state);
                is = eta <= term.duration;
                reason = {Rule::kEta, Quantity::of(eta), Quantity::of(Duration(term.duration)), {}};
                break;
            }
            case Measure::kPressureSome:
            case Measure::kPressureFull: {
                const Permille measured = term.measure == Measure::kPressureSome ? state.last.some : state.last.full;
                is = measured >= term.pressure;
                reason = {Rule::kPressure, Quantity::of(measured), Quantity::of(term.pressure), 10s};
                break;
            }
        }
        if (is && !found) why = reason;
        found = found || is;
        if (is && !condition.all) return true;
        if (!is && condition.all) return false;
    }
    return found;
}

StepResult step(const ServicePolicy& policy, const State& state, const Input& input) {
    Stepper stepper(policy, state, input.now);
    std::visit([&stepper](const auto& what) { stepper.on(what); }, input.what);
    return stepper.finish();
}

}  // namespace policies
