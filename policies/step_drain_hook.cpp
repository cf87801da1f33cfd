// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stepper.hpp"

#include <algorithm>

namespace policies {
namespace {

/// With less time than this before the brake line, a load balancer notices nothing.
constexpr Duration kLeastSettle = 200ms;

}  // namespace

const DrainHook* Stepper::drain_hook() const {
    if (!policy_.near_oom || !policy_.near_oom->drain_hook) return nullptr;
    const NearOomAction action = policy_.near_oom->action;
    const bool restarts = action == NearOomAction::kGracefulRestart || policies::recycles(action);
    return restarts ? &*policy_.near_oom->drain_hook : nullptr;
}

/// Up to here the container may grow while its load balancer takes it out; the other half of the room is its
/// stop signal handler's.
Bytes Stepper::brake_line() const {
    const Bytes kill = s_.kill_line();
    return std::min(s_.tripwire, kill) + Bytes{(kill - s_.tripwire).value / 2};
}

/// Begins the restart with the policy's hook; false when there is none. Where memory leaves it time, the
/// container runs on and its stop is asked for later; where it does not, the hook is called beside the brake.
bool Stepper::begin_drain_hook() {
    const DrainHook* hook = drain_hook();
    if (hook == nullptr) return false;
    s_.hook_called = true;
    const Bytes line = brake_line();
    const double room = static_cast<double>((line - s_.last.unreclaimable).value);
    if (room <= std::max(s_.growth, 0.0) * std::chrono::duration<double>(kLeastSettle).count()) {
        // The brake first: the call must not delay it.
        ask_stop();
        out_.actions.push(CallDrainHook{});
        return true;
    }
    s_.phase = Phase::kDrainHook;
    s_.deadline = now_ + hook->timeout + hook->settle;
    out_.actions.push(SetTripwire{line});
    thaw_if_frozen();
    out_.actions.push(CallDrainHook{});
    return true;
}

void Stepper::watch_drain_hook() {
    if (drain_hook() == nullptr) return abandon_drain_hook();
    if (s_.limit == kUnlimited) return;
    if (s_.last.unreclaimable + share_of(s_.limit, kTripwireSlack) >= brake_line()) drain_hook_over();
}

void Stepper::drain_hook_over() {
    if (drain_hook() == nullptr) return abandon_drain_hook();
    ask_stop();
}

/// The policy no longer asks for it. The next sample decides anew.
void Stepper::abandon_drain_hook() {
    out_.actions.push(SetTripwire{s_.tripwire});
    resume();
}

/// The load balancer needs its time from the call on. After a call that failed it knows nothing, so waiting
/// would be of no use.
void Stepper::on(const DrainHookDone& input) {
    publish(input.good ? EventType::kDrainHookCalled : EventType::kActionFailed, s_.trip);
    if (s_.phase != Phase::kDrainHook) return;
    const DrainHook* hook = drain_hook();
    if (hook == nullptr || !input.good) return drain_hook_over();
    s_.deadline = std::min(s_.deadline, now_ + hook->settle);
    if (s_.deadline <= now_) drain_hook_over();
}

/// A file in the container's writable layer survives the restart, and a governor that died in between has
/// left one: either would keep the container out of its load balancer for ever.
void Stepper::expect_drain_file() {
    const DrainHook* hook = drain_hook();
    if (hook != nullptr && std::holds_alternative<FileCall>(hook->call)) s_.hook_called = true;
}

/// Where it serves: a container that is about to restart, or that someone else stops, stays out.
void Stepper::end_drain_hook() {
    if (!s_.hook_called) return;
    if (s_.phase != Phase::kWatching && s_.phase != Phase::kBackingOff && s_.phase != Phase::kQuarantined)
        return;
    s_.hook_called = false;
    out_.actions.push(EndDrainHook{});
}

}  // namespace policies
