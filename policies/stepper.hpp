// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/step.hpp"

#include <optional>

/// The inside of the decision core: one step, from an input to the new state and its actions. Only step.cpp
/// makes one; the parts are spread over step*.cpp by what they decide.
namespace policies {

using namespace std::chrono_literals;

/// Docker enforces the grace itself on its path; the governor's own deadline must come after it, not race it.
inline constexpr Duration kGraceMargin = 2s;
/// A container that is frozen until a person decides is reviewed this often.
inline constexpr Duration kCapReview = 10s;
/// memory.current goes up and down at memory.high by what a CPU charges at once: this share of the hard
/// limit.
inline constexpr Permille kTripwireSlack{1};
/// Docker's restart policy starts a container within 100 ms of a first exit; its own back-off ends at 1 min.
inline constexpr Duration kBackDeadline = 10s;

class Stepper {
  public:
    /// `out` holds the state from which it goes on, and is what step() returns: a state is copied once.
    Stepper(const ServicePolicy& policy, StepResult& out, TimePoint now)
        : policy_(policy), now_(now), out_(out), s_(out.state) {}
    Stepper(const Stepper&) = delete;
    Stepper& operator=(const Stepper&) = delete;

    void on(const Tick&);
    void on(const Sampled& input);
    void on(const Glanced& input);
    void on(const Armed& input);
    void on(const SignalPending& input);
    void on(const StopRefused&);
    void on(const SignalFailed&);
    void on(const Frozen& input);
    void on(const BrakeFailed&);
    void on(const Exited& input);
    void on(const Started&);
    void on(const DockerKill& input);
    void on(const DockerStop&);
    void on(const Paused&);
    void on(const Unpaused&);
    void on(const Released&);
    void on(const WarnDone& input);
    void on(const Adopt& input);
    void on(const GiveWay& input);
    void on(const BrakeLost& input);
    void on(const Surveyed& input);
    void on(const RecycleRefused&);
    void on(const ProcessEnded&);
    void on(const ProcessRespawned&);
    void on(const DrainHookDone& input);
    void on(const LoanDone& input);
    void on(const Healthy&);
    bool can_give_way();
    void finish();

  private:
    /// Whether the policy does anything but watch and tell. A reload may change that in the middle of things.
    bool acts() const;
    /// `restart_with`: whether it can be restarted for a container that it depends on.
    bool can_restart_with() const;

    // -- watching (step_watch.cpp) --
    void take(const Sample& sample);
    void follow_writeback(Sample& sample);
    void follow_limit();
    bool count_oom_kills(std::uint64_t now_counted);
    void watch(const Sampled& input);
    void warn(const Warn& call);
    void note_churn();
    void restore_tripwire();
    void trip(const Reason& why);

    // -- acting and telling (step_act.cpp) --
    /// `type`: the event that says why; none when one has said so already.
    void begin_restart(const Reason& why, std::optional<EventType> type = EventType::kOomNear);
    void ask_stop();
    void signal_overdue();
    void go_direct(Rule rule);
    void begin_drain();
    void limit_drain(Duration least);
    void kill(const Reason& why);
    void drain_overdue();
    void exited_by_us(bool oom);
    void leave_ended();
    void not_back();
    Outcome outcome_of_exit() const;
    void restart_finished();
    void tell_death(Event& event) const;
    void thaw_if_frozen();
    Event describe(EventType type, const Reason& why) const;
    void publish(EventType type, const Reason& why);
    void publish(EventType type);

    // -- one process of a pool (step_recycle.cpp) --
    bool recycles() const;
    void survey_when_near();
    void begin_recycle(const Reason& why, EventType type);
    void choose_process(const Survey& survey);
    void watch_recycle();
    void settle_recycle();
    void recycle_overdue();
    void recycle_incomplete();
    void kill_process(const Reason& why);
    void recycle_failed(Rule why);
    void recycled();
    void count_recycle();
    void abandon_recycle();
    Bytes hold_line() const;

    // -- out of the load balancer before the signal (step_drain_hook.cpp) --
    /// The hook of the policy, where its action restarts gracefully; null otherwise.
    const DrainHook* drain_hook() const;
    Bytes brake_line() const;
    bool begin_drain_hook();
    void watch_drain_hook();
    void drain_hook_over();
    void abandon_drain_hook();
    void expect_drain_file();
    void end_drain_hook();

    // -- headroom of a replica (step_loan.cpp) --
    bool borrow(const Reason& why, std::optional<EventType> type);
    void lend(Bytes hard);
    void no_loan(const Reason& why);
    void loan_overdue();
    bool follow_loan();
    bool end_loan();
    bool fits_without_loan() const;
    void use_hard_limit(Bytes hard);
    void repay_loan();
    void loan_is_repaid();

    // -- held until a person decides (step_hold.cpp) --
    void hold(const Reason& why);
    void review_hold();
    void end_hold(Rule why);

    // -- spacing, breaker, caps (step_cap.cpp) --
    void remember_trip();
    void remember_restart();
    void count_restart();
    void forget_history();
    void end_quarantine(Rule why);
    void stopped_by_other(bool kill);
    bool breaker_says_no();
    TimePoint next_restart_allowed();
    void delay(TimePoint until);
    void open_breaker();
    void enter_cap(Phase phase);
    void cap();
    void back_off();
    void backoff_over();
    void let_go();
    void resume();
    void watch_again();

    const ServicePolicy& policy_;
    TimePoint now_;
    StepResult& out_;
    State& s_;
};

}  // namespace policies
