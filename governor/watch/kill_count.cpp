// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/kill_count.hpp"

#include <algorithm>

namespace governor::watch {
namespace {

using policies::TimePoint;

/// Counter, log and Docker are long done with a kill by then.
constexpr policies::Duration kRemember = std::chrono::minutes(1);

}  // namespace

Kill& KillCount::add(TimePoint at) {
    ++total_;
    Kill kill;
    kill.seen = at;
    // Docker may have been the first.
    kill.docker_oom = docker_at_ && at - *docker_at_ < kSettle;
    if (kill.docker_oom) claim_at_.reset();
    kills_.push_back(kill);
    return kills_.back();
}

void KillCount::rebase(const OomCounters& base) {
    last_ = at_kill_ = base;
    base_ = base.oom_kill;
    total_at_base_ = total_;
    for (Kill& kill : kills_) kill.counted = true;
}

void KillCount::counted(const OomCounters& now, TimePoint at) {
    looked_at_ = at;
    const std::uint64_t before = last_.oom_kill;
    // A look may be handed in after a younger one.
    if (now.oom_kill <= before) return;
    last_ = now;
    const bool both = now.ancestors.has_value() && at_kill_.ancestors.has_value();
    for (std::uint64_t i = before; i < now.oom_kill; ++i) {
        const auto known = std::ranges::find_if(kills_, [](const Kill& kill) { return !kill.counted; });
        Kill& kill = known != kills_.end() ? *known : add(at);
        kill.counted = kill.counters_read = true;
        kill.local_oom = now.local_oom > at_kill_.local_oom;
        kill.subtree_oom = now.oom > at_kill_.oom;
        kill.ancestors_read = both;
        kill.ancestor_oom = both && *now.ancestors > *at_kill_.ancestors;
    }
    at_kill_ = now;
}

void KillCount::ancestors_counted(std::uint64_t oom) {
    if (!at_kill_.ancestors) return;
    for (Kill& kill : kills_) {
        if (kill.told || kill.ancestors_read) continue;
        kill.ancestors_read = true;
        kill.ancestor_oom = oom > *at_kill_.ancestors;
    }
}

void KillCount::reported(const cgroups::OomReport& report, TimePoint at) {
    const auto known = std::ranges::find_if(
        kills_, [at](const Kill& kill) { return !kill.report && (!kill.told || at - kill.seen <= kLate); });
    Kill& kill = known != kills_.end() ? *known : add(at);
    kill.report = report;
}

void KillCount::docker_told(TimePoint at) {
    docker_ever_ = true;
    docker_at_ = at;
    bool confirmed = false;
    for (Kill& kill : kills_) {
        confirmed = confirmed || at - kill.seen < kLate;
        if (!kill.told) kill.docker_oom = true;
    }
    if (!confirmed) claim_at_ = at;
}

/// Neither the log nor the counters could have told of it: the one is not readable, the others went with the
/// cgroup.
bool KillCount::said_by_docker_alone() const {
    return claim_at_ && !log_readable_ && looked_at_ < *claim_at_;
}

std::vector<Kill> KillCount::take(TimePoint now, policies::Duration more) {
    if (claim_at_ && now >= *claim_at_ + kSettle) {
        const TimePoint at = *claim_at_;
        const bool alone = said_by_docker_alone();
        claim_at_.reset();
        if (alone) add(at).docker_oom = true;
    }
    std::vector<Kill> out;
    for (Kill& kill : kills_) {
        if (kill.told) continue;
        const bool complete = kill.docker_oom && (kill.report || !log_readable_);
        const bool waits = !complete || more.count() > 0;
        if (waits && now < kill.seen + kSettle + more) continue;
        kill.told = true;
        out.push_back(kill);
    }
    std::erase_if(kills_, [now](const Kill& kill) { return kill.told && now - kill.seen > kRemember; });
    return out;
}

TimePoint KillCount::due(policies::Duration more) const {
    TimePoint out = TimePoint::max();
    if (claim_at_) out = *claim_at_ + kSettle;
    for (const Kill& kill : kills_) {
        if (kill.told) continue;
        const bool complete = kill.docker_oom && (kill.report || !log_readable_);
        const bool waits = !complete || more.count() > 0;
        out = std::min(out, waits ? kill.seen + kSettle + more : kill.seen);
    }
    return out;
}

bool KillCount::wants_report() const {
    return claim_at_ ||
           std::ranges::any_of(kills_, [](const Kill& kill) { return !kill.report && !kill.told; });
}

}  // namespace governor::watch
