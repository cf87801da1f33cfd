// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/pace.hpp"
#include "policies/stepper.hpp"

#include <algorithm>
#include <cmath>

namespace policies {
namespace {

/// Growth is smoothed over this time: long enough for a saw-tooth of small allocations, short enough for a
/// burst.
constexpr double kGrowthTau = 2.0;
/// Less reclaimable memory than this share of the hard limit cannot be "page cache that fills the container".
constexpr Permille kChurnShare{30};
/// So many samples in a row, over at least this time, without one page less under writeback: the disk is
/// stuck. On a disk that works a random number falls in every second look.
constexpr std::uint8_t kStuckLooks = 8;
constexpr Duration kStuckFor = 2s;
/// The tripwire follows a limit that others use too in steps of this share.
constexpr Permille kTripwireStep{10};
constexpr Duration kChurnQuiet = 60s;

}  // namespace

void Stepper::take(const Sample& seen) {
    Sample sample = seen;
    follow_writeback(sample);
    if (s_.has_sample && now_ > s_.last_at) {
        const double seconds = std::chrono::duration<double>(now_ - s_.last_at).count();
        const double delta = static_cast<double>(sample.unreclaimable.value) -
                             static_cast<double>(s_.last.unreclaimable.value);
        const double weight = 1.0 - std::exp(-seconds / kGrowthTau);
        s_.growth += (delta / seconds - s_.growth) * weight;
    }
    if (!s_.has_sample || !is_still(policy_, s_, sample)) {
        s_.still = 0;
    } else if (s_.still < kMostStill) {
        ++s_.still;
    }
    // Until it leaves its tripwire: between two looks nothing need have been allocated, and what flickers is
    // told again and again.
    const bool at_tripwire = sample.tripwire != kUnlimited &&
                             sample.current + share_of(s_.limit, kTripwireSlack) >= sample.tripwire;
    s_.held_back =
        s_.has_sample && (sample.high_events > s_.last.high_events || (s_.held_back && at_tripwire));
    s_.last = sample;
    s_.last_at = now_;
    s_.has_sample = true;
    s_.peak = std::max(s_.peak, sample.unreclaimable);
    follow_limit();
    count_oom_kills(sample.oom_kills);
}

/// Pages under writeback are written sooner or later, and then they can be dropped: while their number falls
/// now and then, nothing is wrong. When it never falls, the disk takes nothing (a hanging NFS server, a
/// throttle near zero), and the kernel's OOM killer does not wait for it.
void Stepper::follow_writeback(Sample& sample) {
    if (sample.writeback == Bytes{} || !s_.has_sample || sample.writeback < s_.last.writeback) {
        s_.writeback_looks = 0;
        s_.writeback_since = now_;
        s_.writeback_stuck = false;
        return;
    }
    if (s_.writeback_looks < kStuckLooks) ++s_.writeback_looks;
    s_.writeback_stuck = s_.writeback_looks >= kStuckLooks && now_ >= s_.writeback_since + kStuckFor;
    if (s_.writeback_stuck) sample.unreclaimable = sample.unreclaimable + sample.unwritten;
}

/// The limit that binds may be another one than before, or leave more or less: the tripwire and the kill line
/// go with it.
void Stepper::follow_limit() {
    const Sample& last = s_.last;
    const bool above = last.headroom_above != kUnlimited &&
                       (s_.hard == kUnlimited || last.unreclaimable + last.headroom_above < s_.hard);
    const std::uint8_t before = s_.bound_level;
    s_.bound_level = above ? last.bound_level : std::uint8_t{0};
    s_.limit = above ? last.unreclaimable + last.headroom_above : s_.hard;
    if (s_.bound_level == 0 && before == 0) return;
    const Bytes tripwire = !above || !acts() ? s_.own_tripwire : s_.threshold(policy_.memory.tripwire);
    const Bytes moved{std::max(tripwire, s_.tripwire).value - std::min(tripwire, s_.tripwire).value};
    // Small steps are not worth a write: others below the same limit come and go all the time.
    if (moved < share_of(s_.limit, kTripwireStep)) return;
    s_.tripwire = tripwire;
    if (s_.phase == Phase::kDraining && !s_.killed) {
        out_.actions.push(SetTripwire{s_.drain_line()});
    } else if (s_.phase == Phase::kDrainHook) {
        out_.actions.push(SetTripwire{brake_line()});
    } else if (s_.phase == Phase::kRecycling && !s_.process_ended) {
        out_.actions.push(SetTripwire{s_.kill_line()});
    } else if (s_.phase == Phase::kWatching || s_.phase == Phase::kBackingOff ||
               s_.phase == Phase::kRecycling) {
        out_.actions.push(SetTripwire{s_.relaxed ? s_.kill_line() : tripwire});
    } else if (s_.phase == Phase::kQuarantined) {
        out_.actions.push(SetTripwire{s_.threshold(policy_.restart.breaker.cap)});
    }
}

bool Stepper::count_oom_kills(std::uint64_t now_counted) {
    if (now_counted <= s_.oom_kills) return false;
    const auto delta = static_cast<std::int64_t>(now_counted - s_.oom_kills);
    s_.oom_kills = now_counted;
    s_.oom_killed_in_action = true;
    Event event = describe(EventType::kOomKilled, {Rule::kOomKillCounter, Quantity::count(delta), {}, {}});
    event.count = delta;
    out_.actions.push(Publish{event});
    return true;
}

void Stepper::watch(const Sampled& input) {
    s_.near_shared_limit = false;
    if (!policy_.near_oom || s_.limit == kUnlimited) return;
    const NearOom& near = *policy_.near_oom;
    Reason why;
    if (holds(near.when, s_, why)) {
        // At the kill line there is no time to choose.
        s_.near_shared_limit = input.shared && s_.bound_level != 0 && s_.last.unreclaimable < s_.kill_line();
        return s_.near_shared_limit ? void() : trip(why);
    }
    s_.notified = s_.hold_released = false;
    survey_when_near();
    if (near.warn) warn(*near.warn);
    if (s_.relaxed) {
        restore_tripwire();
    } else if (input.tripped) {
        note_churn();
    }
}

void Stepper::warn(const Warn& call) {
    Reason why;
    if (s_.warned && now_ < s_.warned_at + call.every) return;
    if (!holds(call.when, s_, why)) return;
    s_.warned = true;
    s_.warned_at = now_;
    s_.warn_reason = why;
    out_.actions.push(CallWarn{});
}

/// The tripwire fired for page cache that can be dropped: a healthy cache is never throttled. Anonymous
/// memory that swap could take is no cache: its tripwire stays. Above the lifted tripwire the kernel still
/// tells us, so that growth behind the cache is seen.
void Stepper::note_churn() {
    if (s_.last.clean_cache < share_of(s_.limit, kChurnShare)) return;
    // What must be written first is dropped no faster than it is written: there the tripwire slows the
    // writer.
    if (s_.last.unwritten > s_.last.clean_cache) return;
    s_.relaxed = true;
    out_.actions.push(SetTripwire{s_.kill_line()});
    // A cache that comes and goes would fill the log.
    if (s_.churn_told_at != TimePoint{} && now_ < s_.churn_told_at + kChurnQuiet) return;
    s_.churn_told_at = now_;
    publish(EventType::kPageCacheChurn,
            {Rule::kTripwire, Quantity::of(s_.last.current), Quantity::of(s_.tripwire), {}});
}

void Stepper::restore_tripwire() {
    // While the cache is still there, setting it back would only make the kernel reclaim and fire again.
    const bool below = s_.last.current + share_of(s_.limit, Permille{20}) < s_.tripwire;
    if (!below) return;
    s_.relaxed = false;
    out_.actions.push(SetTripwire{s_.tripwire});
}

void Stepper::trip(const Reason& why) {
    s_.trip = why;
    const NearOom& near = *policy_.near_oom;
    if (near.action == NearOomAction::kNotify) {
        if (s_.notified) return;
        s_.notified = true;
        out_.actions.push(SurveyProcesses{});
        return publish(EventType::kOomNear, why);
    }
    if (near.action == NearOomAction::kHold) return hold(why);
    if (breaker_says_no()) return open_breaker();
    if (recycles()) {
        if (now_ >= s_.last_recycle + near.recycle.every) return begin_recycle(why, EventType::kOomNear);
        // So soon again: the tripwire keeps it from growing fast, and the next sample asks again.
        if (s_.last.unreclaimable < hold_line()) return;
        publish(EventType::kRecycleFailed, {Rule::kRecycleSpacing,
                                            Quantity::of(now_ - s_.last_recycle),
                                            Quantity::of(Duration(near.recycle.every)),
                                            {}});
    }
    if (const TimePoint allowed = next_restart_allowed(); now_ < allowed) return delay(allowed);
    if (borrow(why, EventType::kOomNear)) return;
    begin_restart(why);
}

}  // namespace policies
