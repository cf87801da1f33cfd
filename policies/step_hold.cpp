// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stepper.hpp"

namespace policies {

/// `do: hold`: for work that must not end without a person. Frozen, its memory cannot grow.
void Stepper::hold(const Reason& why) {
    // A person has released it: not again before it was below its threshold.
    if (s_.hold_released) return;
    s_.tripped_at = now_;
    s_.phase = Phase::kHeld;
    s_.deadline = now_ + kCapReview;
    if (!s_.frozen) out_.actions.push(Freeze{});
    s_.frozen = true;
    out_.actions.push(SurveyProcesses{});
    publish(EventType::kOomNear, why);
    publish(EventType::kHeld, why);
}

void Stepper::review_hold() {
    Reason why;
    if (!policy_.near_oom || policy_.near_oom->action != NearOomAction::kHold)
        return end_hold(Rule::kPolicyChanged);
    if (!holds(policy_.near_oom->when, s_, why)) return end_hold(Rule::kLimitRaised);
    s_.deadline = now_ + kCapReview;
}

void Stepper::end_hold(Rule why) {
    thaw_if_frozen();
    s_.phase = Phase::kWatching;
    s_.deadline = {};
    // Released while it is as near as before: it gets the room that is left. Its tripwire comes back when it
    // is below it.
    s_.hold_released = s_.relaxed = why == Rule::kOperator;
    out_.actions.push(SetTripwire{s_.relaxed ? s_.kill_line() : s_.tripwire});
    publish(EventType::kHoldReleased, {why, Quantity::of(now_ - s_.tripped_at), {}, {}});
}

}  // namespace policies
