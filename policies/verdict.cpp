// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/verdict.hpp"

#include <algorithm>

namespace policies {
namespace {

using namespace std::chrono_literals;

/// 128 + SIGKILL.
constexpr int kSigkillExit = 137;
/// A PID 1 that passes its child's end on does so at once; an emulated or starved host takes its time.
constexpr auto kPassedOnWithin = 5s;

Verdict verdict_of(const KillFacts& facts, EvidenceSet& evidence) {
    using Log = KillFacts::Log;
    evidence.add_if(facts.log != Log::kSilent, Evidence::kKernelLog);
    if (facts.log == Log::kOwn) return Verdict::kOwnLimit;
    if (facts.log == Log::kAncestor) return Verdict::kAncestorLimit;
    if (facts.log == Log::kHost) return Verdict::kHostOom;
    if (facts.counters_read && (facts.local_oom || facts.subtree_oom)) {
        evidence.add(Evidence::kLocalOomCounter);
        return Verdict::kOwnLimit;
    }
    if (facts.ancestors_read && facts.ancestor_oom) {
        evidence.add(Evidence::kAncestorOomCounter);
        return Verdict::kAncestorLimit;
    }
    if (facts.log == Log::kSomeCgroup && (facts.counters_read || facts.ancestors_read)) {
        // A cgroup's limit, and the ancestors', or its own, did not do it.
        if (facts.ancestors_read) return Verdict::kOwnLimit;
        return Verdict::kAncestorLimit;
    }
    if (facts.log == Log::kSilent && facts.counted && facts.counters_read && facts.ancestors_read) {
        evidence.add(Evidence::kNoOomCounter);
        return Verdict::kHostOom;
    }
    return Verdict::kUnknown;
}

Death of_kill(const KillSeen& kill, bool main, const DeathFacts& facts) {
    Death out;
    out.verdict = kill.judged.verdict;
    out.evidence = kill.judged.evidence;
    out.evidence.add_if(facts.sigkill.has_value(), Evidence::kSeenDying)
        .add_if(facts.docker_oom, Evidence::kDockerOomEvent);
    out.victim = kill.victim;
    out.victim.main = main;
    if (facts.docker_oom) out.docker_agrees = true;
    return out;
}

Death other(Verdict verdict, Evidence evidence, const DeathFacts& facts) {
    Death out;
    out.verdict = verdict;
    out.evidence.add(evidence).add_if(facts.sigkill.has_value(), Evidence::kSeenDying);
    // Its State.OOMKilled is true as well when a child was killed once and the container lived on.
    out.docker_agrees = !facts.docker_oom;
    return out;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::kNone:
            return "none";
        case Verdict::kOwnLimit:
            return "own_limit";
        case Verdict::kAncestorLimit:
            return "ancestor_limit";
        case Verdict::kHostOom:
            return "host_oom";
        case Verdict::kSigkillBySomeone:
            return "sigkill_by_someone";
        case Verdict::kKilledByGovernor:
            return "killed_by_governor";
        case Verdict::kOwnExit:
            return "own_exit";
        case Verdict::kUnknown:
            return "not_known";
    }
    return "unknown";
}

std::string_view to_string(Evidence evidence) {
    switch (evidence) {
        case Evidence::kKernelLog:
            return "kernel_log";
        case Evidence::kOomKillCounter:
            return "oom_kill_counter";
        case Evidence::kLocalOomCounter:
            return "local_oom_counter";
        case Evidence::kAncestorOomCounter:
            return "ancestor_oom_counter";
        case Evidence::kNoOomCounter:
            return "no_oom_counter";
        case Evidence::kDockerOomEvent:
            return "docker_oom_event";
        case Evidence::kDockerKillEvent:
            return "docker_kill_event";
        case Evidence::kSeenDying:
            return "seen_dying";
        case Evidence::kExitCode:
            return "exit_code";
        case Evidence::kOwnDoing:
            return "own_doing";
    }
    return "unknown";
}

void Victim::set_name(std::string_view name) {
    comm.fill('\0');
    std::ranges::copy(name.substr(0, comm.size() - 1), comm.begin());
}

KillVerdict judge(const KillFacts& facts) {
    KillVerdict out;
    out.verdict = verdict_of(facts, out.evidence);
    out.evidence.add_if(facts.counted, Evidence::kOomKillCounter)
        .add_if(facts.docker_oom, Evidence::kDockerOomEvent);
    out.docker_agrees = facts.docker_oom;
    return out;
}

Death judge(const DeathFacts& facts) {
    const bool missed = facts.exit_code < 0;
    if (!missed && facts.exit_code != kSigkillExit)
        return other(Verdict::kOwnExit, Evidence::kExitCode, facts);
    if (facts.main_kill) return of_kill(*facts.main_kill, true, facts);
    if (facts.by_governor) return other(Verdict::kKilledByGovernor, Evidence::kOwnDoing, facts);
    if (facts.docker_kill) return other(Verdict::kSigkillBySomeone, Evidence::kDockerKillEvent, facts);

    const bool passed_on = facts.child_kill && facts.child_kill->before <= kPassedOnWithin;
    if (facts.sigkill == true) {
        if (facts.some_kill) return of_kill(*facts.some_kill, true, facts);
        return other(Verdict::kSigkillBySomeone, Evidence::kSeenDying, facts);
    }
    if (passed_on) return of_kill(*facts.child_kill, false, facts);
    if (facts.some_kill && facts.some_kill->before <= kPassedOnWithin)
        return of_kill(*facts.some_kill, !facts.sigkill.has_value(), facts);
    if (facts.sigkill == false) return other(Verdict::kOwnExit, Evidence::kSeenDying, facts);
    if (missed) return other(Verdict::kUnknown, Evidence::kExitCode, facts);
    // Nothing tells it from `exit 137`, which hardly anybody writes.
    return other(Verdict::kSigkillBySomeone, Evidence::kExitCode, facts);
}

}  // namespace policies
