// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// What a state says: forecasts, conditions, names.
#include "policies/step.hpp"
#include "policies/stepper.hpp"

#include <algorithm>

namespace policies {

using namespace std::chrono_literals;

namespace {

constexpr Permille kLastHundredth{10};

}  // namespace

Bytes State::kill_line() const {
    if (limit == kUnlimited) return kUnlimited;
    const Bytes one_percent = share_of(limit, Permille{10});
    return limit - std::clamp(one_percent, 2_MiB, 16_MiB);
}

Bytes State::threshold(const Size& size) const {
    if (size.share || limit == kUnlimited || (bound_level == 0 && !borrowed())) return size.of(limit);
    if (hard == kUnlimited) return std::min(size.bytes, share_of(limit, Permille{900}));
    const Bytes base = borrowed() ? loan_from : hard;
    const double proportion = static_cast<double>(size.bytes.value) / static_cast<double>(base.value);
    if (proportion >= 1.0) return limit;
    return {static_cast<std::uint64_t>(static_cast<double>(limit.value) * proportion)};
}

Bytes State::drain_line() const {
    const bool drains = stop_handling != StopHandling::kNotHandled && stop_handling != StopHandling::kIgnored;
    const Bytes line = kill_line();
    if (drains || line == kUnlimited || tripwire >= line) return line;
    return tripwire + share_of(line - tripwire, Permille{500});
}

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::kUnarmed:
            return "unarmed";
        case Phase::kWatching:
            return "watching";
        case Phase::kSignalling:
            return "signalling";
        case Phase::kDraining:
            return "draining";
        case Phase::kExited:
            return "exited";
        case Phase::kBackingOff:
            return "backing_off";
        case Phase::kQuarantined:
            return "quarantined";
        case Phase::kLeftAlone:
            return "left_alone";
        case Phase::kPaused:
            return "paused";
        case Phase::kSurveying:
            return "surveying";
        case Phase::kRecycling:
            return "recycling";
        case Phase::kHeld:
            return "held";
        case Phase::kDrainHook:
            return "drain_hook";
        case Phase::kBorrowing:
            return "borrowing";
    }
    return "unknown";
}

std::string_view to_string(NearOomAction action) {
    switch (action) {
        case NearOomAction::kGracefulRestart:
            return "graceful_restart";
        case NearOomAction::kKill:
            return "kill";
        case NearOomAction::kNotify:
            return "notify";
        case NearOomAction::kRecycle:
            return "recycle";
        case NearOomAction::kAuto:
            return "auto";
        case NearOomAction::kHold:
            return "hold";
    }
    return "unknown";
}

Duration forecast(const State& state) {
    if (state.limit == kUnlimited || !state.has_sample || state.growth < 1.0) return Duration::max();
    const double seconds = static_cast<double>((state.limit - state.last.unreclaimable).value) / state.growth;
    constexpr double kForever = 1e9;
    if (seconds > kForever) return Duration::max();
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

namespace {

/// At its tripwire a container gets no memory that the kernel has not reclaimed from it before, and the last
/// hundredth of it is its program's own pages, which come back at once. What stands there has nothing left;
/// without this a slow leak hangs just below a threshold that equals its tripwire, for minutes
/// (docs/adr/0014).
bool held_at_tripwire(const State& state) {
    const Sample& last = state.last;
    if (!state.held_back || last.tripwire == kUnlimited || last.current < last.unreclaimable) return false;
    if (last.current + share_of(state.limit, kTripwireSlack) < last.tripwire) return false;
    // What else is left belongs to the pages that a stuck disk does not take (buffer heads count as
    // reclaimable slab).
    if (state.writeback_stuck && last.clean_cache <= last.unwritten) return true;
    return last.current - last.unreclaimable < share_of(state.limit, kLastHundredth);
}

/// Unreclaimable memory, as far as the kernel lets it come to a threshold at the tripwire.
bool reaches(const State& state, Bytes threshold, Bytes& measured) {
    measured = state.last.unreclaimable;
    if (measured >= threshold) return true;
    if (!held_at_tripwire(state) || threshold > state.last.tripwire + share_of(state.limit, kTripwireSlack))
        return false;
    measured = state.last.current;
    return true;
}

}  // namespace

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
                Bytes measured = state.last.current;
                const Bytes threshold = state.threshold(term.size);
                is = threshold != kUnlimited &&
                     (all_memory ? measured >= threshold : reaches(state, threshold, measured));
                reason = {all_memory ? Rule::kCurrent : Rule::kUnreclaimable,
                          Quantity::of(measured),
                          Quantity::of(threshold),
                          {}};
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
                const Permille measured =
                    term.measure == Measure::kPressureSome ? state.last.some : state.last.full;
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

}  // namespace policies
