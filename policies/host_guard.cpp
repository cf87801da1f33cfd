// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/host_guard.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace policies {
namespace {

using namespace std::chrono_literals;

/// Used up within this time counts as short already: a restart frees memory only after its drain.
constexpr Duration kForecast = 5s;
/// One who gives way has this long; then the next is asked, because the host does not wait for a slow drain.
constexpr Duration kTurn = 60s;
/// After it, what was freed must show in MemAvailable before anybody else is asked.
constexpr Duration kQuiet = 5s;
/// What goes on is told again after this time: often enough to be seen, too seldom to fill the log.
constexpr Duration kTellAgain = 60s;
/// Without a sign of shortness for this long it is over, where memory is not plenty: a PSI trigger fires once
/// a window, and each would otherwise be told as a new shortness.
constexpr Duration kCalm = 5s;

/// Of keep_free: at ease above the first; nothing is short above the second, whatever else is measured.
constexpr Permille kEase{1250};
constexpr Permille kPlenty{2000};
/// Stands in for keep_free where the policy has only `pressure`: twice this is the tenth of the host's memory
/// below which pressure means the host.
constexpr Permille kUnsaid{50};
/// Restarting somebody who holds less than this share of the host's memory costs their work and frees nothing
/// that would be felt.
constexpr Permille kWorthwhile{10};

/// The decline is smoothed over this time, like a container's growth.
constexpr double kTau = 1.0;
constexpr Duration kFarPace = 5s;
/// Memory can go faster than a forecast from the past says, so near the edge there is a look every second.
constexpr Duration kNearPace = 1s;
constexpr Duration kFastestPace = 100ms;

double as_double(Bytes bytes) {
    return static_cast<double>(bytes.value);
}

/// How long `gap` lasts at this growth; Duration::max() when it does not fall.
Duration lasts(Bytes gap, double growth) {
    constexpr double kLongest = 1e9;
    if (growth >= 0) return Duration::max();
    const double seconds = std::min(as_double(gap) / -growth, kLongest);
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

double outside_docker(const HostSample& sample) {
    return as_double(sample.total) - as_double(sample.available) - as_double(sample.governed) -
           as_double(sample.ungoverned);
}

/// Who has at least half of what was taken since then. Two with a half each: nobody can be blamed.
Culprit culprit_of(const HostSample& then, const HostSample& now) {
    struct Part {
        Culprit who;
        double growth;
    };
    const std::array<Part, 3> parts{{
        {Culprit::kGoverned, as_double(now.governed) - as_double(then.governed)},
        {Culprit::kUngoverned, as_double(now.ungoverned) - as_double(then.ungoverned)},
        {Culprit::kOutsideDocker, outside_docker(now) - outside_docker(then)},
    }};
    double taken = 0;
    for (const Part& part : parts) taken += std::max(part.growth, 0.0);
    auto culprit = Culprit::kUnknown;
    for (const Part& part : parts) {
        if (part.growth <= 0 || part.growth * 2 < taken) continue;
        if (culprit != Culprit::kUnknown) return Culprit::kUnknown;
        culprit = part.who;
    }
    return culprit;
}

bool is_elsewhere(Culprit culprit) {
    return culprit == Culprit::kUngoverned || culprit == Culprit::kOutsideDocker;
}

/// Whether a gives way before b.
bool before(const HostCandidate& a, const HostCandidate& b) {
    if (a.priority != b.priority) return a.priority < b.priority;
    if (a.unreclaimable != b.unreclaimable) return a.unreclaimable > b.unreclaimable;
    return a.index < b.index;
}

/// One input's way through the rules.
class HostGuard {
  public:
    HostGuard(const Host& policy, const HostState& state, const HostInput& input)
        : policy_(policy), input_(input), sample_(input.sample), now_(input.now) {
        out_.state = state;
        const Bytes total = sample_.total;
        keep_free_ = policy.keep_free ? policy.keep_free->of(total) : share_of(total, kUnsaid);
        plenty_ = share_of(keep_free_, kPlenty);
    }

    HostDecision decide() {
        observe();
        end_turn();
        out_.reason = why_short();
        if (out_.reason.rule == Rule::kNone) {
            look_for_ease();
        } else {
            be_short();
        }
        out_.sample_at = now_ + pace();
        if (s_.victim) {
            out_.sample_at = std::min(out_.sample_at, s_.victim_until);
        } else if (s_.is_short && s_.quiet_until > now_) {
            out_.sample_at = std::min(out_.sample_at, s_.quiet_until);
        }
        return out_;
    }

  private:
    void observe();
    void end_turn();
    Reason why_short() const;
    void look_for_ease();
    void be_short();
    const HostCandidate* choose() const;
    /// Told never, or long ago.
    bool due(TimePoint told_at) const { return told_at == TimePoint{} || now_ >= told_at + kTellAgain; }
    Duration pace() const;

    const Host& policy_;
    const HostInput& input_;
    const HostSample& sample_;
    TimePoint now_;
    Bytes keep_free_;
    Bytes plenty_;
    HostDecision out_;
    HostState& s_ = out_.state;
};

void HostGuard::observe() {
    if (!s_.has_ease || sample_.available > plenty_) {
        s_.at_ease = sample_;
        s_.has_ease = true;
    }
    if (s_.has_sample && now_ <= s_.last_at) return;
    if (s_.has_sample) {
        const double seconds = std::chrono::duration<double>(now_ - s_.last_at).count();
        const double delta = as_double(sample_.available) - as_double(s_.last.available);
        s_.available_growth += (delta / seconds - s_.available_growth) * (1.0 - std::exp(-seconds / kTau));
    }
    s_.last = sample_;
    s_.last_at = now_;
    s_.has_sample = true;
}

void HostGuard::end_turn() {
    if (!s_.victim || (!input_.victim_done && now_ < s_.victim_until)) return;
    s_.victim.reset();
    s_.quiet_until = now_ + kQuiet;
}

Reason HostGuard::why_short() const {
    const Bytes available = sample_.available;
    if (policy_.keep_free) {
        if (available <= keep_free_)
            return {Rule::kHostAvailable, Quantity::of(available), Quantity::of(keep_free_), {}};
        const Duration left = lasts(available, s_.available_growth);
        if (available < plenty_ && left <= kForecast)
            return {Rule::kHostForecast, Quantity::of(left), Quantity::of(kForecast), {}};
    }
    if (policy_.pressure && input_.pressure_fired && available < plenty_) {
        const HostPressure& pressure = *policy_.pressure;
        return {Rule::kHostPressure, Quantity::of(pressure.full ? sample_.full : sample_.some),
                Quantity::of(pressure.share), pressure.over};
    }
    return {};
}

void HostGuard::look_for_ease() {
    const Bytes ease = share_of(keep_free_, kEase);
    if (!s_.is_short || sample_.available <= ease) return;
    if (sample_.available <= plenty_ && now_ < s_.short_last + kCalm) return;
    s_.is_short = false;
    s_.told_outside_at = {};
    s_.told_nobody_at = {};
    out_.tell_ease = true;
    out_.reason = {Rule::kHostAvailable, Quantity::of(sample_.available), Quantity::of(ease), {}};
}

void HostGuard::be_short() {
    out_.tell_short = !s_.is_short;
    if (!s_.is_short) s_.short_since = now_;
    s_.is_short = true;
    s_.short_last = now_;
    out_.culprit = culprit_of(s_.at_ease, sample_);
    if (is_elsewhere(out_.culprit)) {
        // No service is punished for memory that it does not hold: its restart would not bring that back.
        out_.tell_short = out_.tell_short || due(s_.told_outside_at);
        if (out_.tell_short) s_.told_outside_at = now_;
        return;
    }
    if (s_.victim || now_ < s_.quiet_until) return;
    if (const HostCandidate* chosen = choose()) {
        out_.give_way = chosen->index;
        s_.victim = chosen->index;
        s_.victim_until = now_ + kTurn;
        return;
    }
    if (!due(s_.told_nobody_at)) return;
    s_.told_nobody_at = now_;
    out_.tell_short = true;
    out_.nobody_left = true;
}

const HostCandidate* HostGuard::choose() const {
    const HostCandidate* chosen = nullptr;
    for (const HostCandidate& candidate : input_.candidates) {
        if (!candidate.ready || candidate.unreclaimable < share_of(sample_.total, kWorthwhile)) continue;
        if (chosen == nullptr || before(candidate, *chosen)) chosen = &candidate;
    }
    return chosen;
}

/// A quarter of the time until the next decision can be due.
Duration HostGuard::pace() const {
    const Duration slowest = s_.is_short || sample_.available <= plenty_ ? kNearPace : kFarPace;
    const Bytes edge = s_.is_short || !policy_.keep_free ? Bytes{} : keep_free_;
    const Duration quarter = lasts(sample_.available - edge, s_.available_growth) / 4;
    return std::clamp(quarter, kFastestPace, slowest);
}

}  // namespace

HostDecision guard_host(const Host& policy, const HostState& state, const HostInput& input) {
    // What a policy without `host` knew of the host would be wrong for the next one that has it.
    if (!policy.keep_free && !policy.pressure) return {};
    if (input.sample.total == Bytes{}) {
        // /proc/meminfo could not be read: nothing is known, so nothing is decided.
        HostDecision out;
        out.state = state;
        out.sample_at = input.now + kFarPace;
        return out;
    }
    return HostGuard(policy, state, input).decide();
}

}  // namespace policies
