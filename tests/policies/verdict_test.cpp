// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/verdict.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace policies {
namespace {

using namespace std::chrono_literals;
using Log = KillFacts::Log;

KillFacts facts(Log log, bool counters, bool local, bool ancestors, bool ancestor_grew) {
    KillFacts out;
    out.log = log;
    out.counted = counters;
    out.counters_read = counters;
    out.local_oom = local;
    out.subtree_oom = local;
    out.ancestors_read = ancestors;
    out.ancestor_oom = ancestor_grew;
    return out;
}

TEST(kill_verdict, the_log_is_believed_before_the_counters_and_these_before_docker) {
    struct Case {
        std::string what;
        KillFacts facts;
        Verdict verdict;
    };
    const std::vector<Case> cases{
        {"all agree", facts(Log::kOwn, true, true, true, false), Verdict::kOwnLimit},
        {"the log alone", facts(Log::kOwn, false, false, false, false), Verdict::kOwnLimit},
        {"a slice", facts(Log::kAncestor, true, false, true, true), Verdict::kAncestorLimit},
        {"the host", facts(Log::kHost, true, false, true, false), Verdict::kHostOom},
        {"the log against the counters", facts(Log::kHost, true, true, true, true), Verdict::kHostOom},
        {"counters alone: own", facts(Log::kSilent, true, true, true, false), Verdict::kOwnLimit},
        {"counters alone: ancestor", facts(Log::kSilent, true, false, true, true), Verdict::kAncestorLimit},
        {"counters alone: nobody's limit", facts(Log::kSilent, true, false, true, false), Verdict::kHostOom},
        {"its own counters do not tell the host from a slice", facts(Log::kSilent, true, false, false, false),
         Verdict::kUnknown},
        {"own and ancestor between two looks", facts(Log::kSilent, true, true, true, true),
         Verdict::kOwnLimit},
        {"some cgroup's, and the counter says own", facts(Log::kSomeCgroup, true, true, false, false),
         Verdict::kOwnLimit},
        {"some cgroup's, gone, no ancestor's", facts(Log::kSomeCgroup, false, false, true, false),
         Verdict::kOwnLimit},
        {"some cgroup's, gone, an ancestor's", facts(Log::kSomeCgroup, false, false, true, true),
         Verdict::kAncestorLimit},
        {"some cgroup's, not its own, the others not read",
         facts(Log::kSomeCgroup, true, false, false, false), Verdict::kAncestorLimit},
        {"some cgroup's and no more", facts(Log::kSomeCgroup, false, false, false, false), Verdict::kUnknown},
        {"nothing but Docker", facts(Log::kSilent, false, false, true, false), Verdict::kUnknown},
    };
    for (const Case& one : cases) EXPECT_EQ(judge(one.facts).verdict, one.verdict) << one.what;
}

TEST(kill_verdict, a_limit_inside_the_container_is_its_own) {
    KillFacts nested = facts(Log::kSilent, true, false, true, false);
    nested.subtree_oom = true;
    EXPECT_EQ(judge(nested).verdict, Verdict::kOwnLimit);
}

TEST(kill_verdict, says_what_it_rests_on_and_whether_docker_agrees) {
    KillFacts seen = facts(Log::kOwn, true, true, true, false);
    EXPECT_FALSE(judge(seen).docker_agrees);
    seen.docker_oom = true;
    const KillVerdict out = judge(seen);
    EXPECT_TRUE(out.docker_agrees);
    EXPECT_TRUE(out.evidence.has(Evidence::kKernelLog));
    EXPECT_TRUE(out.evidence.has(Evidence::kOomKillCounter));
    EXPECT_TRUE(out.evidence.has(Evidence::kDockerOomEvent));
    EXPECT_TRUE(judge(facts(Log::kSilent, true, false, true, false)).evidence.has(Evidence::kNoOomCounter));
}

KillSeen kill(Verdict verdict, int pid, std::chrono::nanoseconds before = 10ms) {
    KillSeen out;
    out.judged.verdict = verdict;
    out.victim.pid = pid;
    out.before = before;
    return out;
}

DeathFacts died(int exit_code, std::optional<bool> sigkill = std::nullopt) {
    DeathFacts out;
    out.exit_code = exit_code;
    out.sigkill = sigkill;
    return out;
}

TEST(death_verdict, of_simple_ends) {
    EXPECT_EQ(judge(died(0)).verdict, Verdict::kOwnExit);
    EXPECT_EQ(judge(died(1)).verdict, Verdict::kOwnExit);
    EXPECT_EQ(judge(died(139)).verdict, Verdict::kOwnExit) << "a segfault";
    EXPECT_EQ(signal_of(139), 11);
    EXPECT_EQ(signal_of(1), 0);
    EXPECT_EQ(signal_of(128), 0);
    EXPECT_EQ(signal_of(255), 0);
    EXPECT_EQ(judge(died(-1)).verdict, Verdict::kUnknown);
}

TEST(death_verdict, one_hundred_and_thirty_seven_has_many_causes) {
    EXPECT_EQ(judge(died(137, true)).verdict, Verdict::kSigkillBySomeone);
    EXPECT_EQ(judge(died(137, false)).verdict, Verdict::kOwnExit) << "exit 137";
    EXPECT_EQ(judge(died(137)).verdict, Verdict::kSigkillBySomeone) << "not seen: the likelier one";
    EXPECT_TRUE(judge(died(137)).evidence.has(Evidence::kExitCode));

    DeathFacts docker = died(137);
    docker.docker_kill = true;
    EXPECT_EQ(judge(docker).verdict, Verdict::kSigkillBySomeone);
    EXPECT_TRUE(judge(docker).evidence.has(Evidence::kDockerKillEvent));

    // cgroup.kill leaves nothing pending to be seen.
    DeathFacts ours = died(137, false);
    ours.by_governor = true;
    EXPECT_EQ(judge(ours).verdict, Verdict::kKilledByGovernor);

    DeathFacts oom = died(137, true);
    oom.main_kill = kill(Verdict::kOwnLimit, 7);
    EXPECT_EQ(judge(oom).verdict, Verdict::kOwnLimit);
    EXPECT_TRUE(judge(oom).victim.main);
    EXPECT_EQ(judge(oom).victim.pid, 7);
}

TEST(death_verdict, the_kernel_was_faster_than_whoever_else_wanted_to_kill_it) {
    DeathFacts all = died(137, true);
    all.main_kill = kill(Verdict::kHostOom, 7);
    all.by_governor = all.docker_kill = true;
    EXPECT_EQ(judge(all).verdict, Verdict::kHostOom);
    all.exit_code = -1;
    EXPECT_EQ(judge(all).verdict, Verdict::kHostOom) << "the exit code was missed";
}

TEST(death_verdict, an_exit_code_of_its_own_contradicts_every_kill_of_it) {
    DeathFacts contradiction = died(0);
    contradiction.main_kill = kill(Verdict::kOwnLimit, 7);
    contradiction.by_governor = contradiction.docker_kill = contradiction.docker_oom = true;
    const Death out = judge(contradiction);
    EXPECT_EQ(out.verdict, Verdict::kOwnExit);
    EXPECT_EQ(out.docker_agrees, false) << "State.OOMKilled is true, and the container was not OOM killed";
}

TEST(death_verdict, of_a_child_that_took_its_container_along) {
    DeathFacts passed_on = died(137, false);
    passed_on.child_kill = kill(Verdict::kOwnLimit, 8);
    EXPECT_EQ(judge(passed_on).verdict, Verdict::kOwnLimit) << "sh -c passes 137 on";
    EXPECT_FALSE(judge(passed_on).victim.main);
    passed_on.sigkill.reset();
    EXPECT_EQ(judge(passed_on).verdict, Verdict::kOwnLimit);
    passed_on.sigkill = true;
    EXPECT_EQ(judge(passed_on).verdict, Verdict::kSigkillBySomeone)
        << "PID 1 was killed on its own, by somebody else";
    passed_on.sigkill = false;
    passed_on.child_kill->before = 10min;
    EXPECT_EQ(judge(passed_on).verdict, Verdict::kOwnExit) << "that was long before";
    passed_on.exit_code = 3;
    passed_on.child_kill->before = 10ms;
    EXPECT_EQ(judge(passed_on).verdict, Verdict::kOwnExit) << "its own code";
}

TEST(death_verdict, of_a_kill_that_was_only_counted) {
    DeathFacts counted = died(137);
    counted.some_kill = kill(Verdict::kOwnLimit, 0);
    EXPECT_EQ(judge(counted).verdict, Verdict::kOwnLimit);
    EXPECT_TRUE(judge(counted).victim.main);
    counted.docker_kill = true;
    EXPECT_EQ(judge(counted).verdict, Verdict::kSigkillBySomeone) << "the kill may have been a child's";
    counted.docker_kill = false;
    counted.sigkill = false;
    EXPECT_FALSE(judge(counted).victim.main) << "PID 1 was not killed: it passed on what its child got";
    counted.some_kill->before = 10min;
    EXPECT_EQ(judge(counted).verdict, Verdict::kOwnExit);
}

TEST(death_verdict, docker_may_still_tell_of_an_oom) {
    DeathFacts oom = died(137);
    oom.main_kill = kill(Verdict::kOwnLimit, 7);
    EXPECT_EQ(judge(oom).docker_agrees, std::nullopt);
    oom.docker_oom = true;
    EXPECT_EQ(judge(oom).docker_agrees, true);
    DeathFacts killed = died(137, true);
    EXPECT_EQ(judge(killed).docker_agrees, true);
    killed.docker_oom = true;
    EXPECT_EQ(judge(killed).docker_agrees, false);
}

TEST(victim, a_name_is_cut_to_what_the_kernel_keeps) {
    Victim victim;
    victim.set_name("a-very-long-name-indeed");
    EXPECT_EQ(victim.name(), "a-very-long-nam");
    victim.set_name("x");
    EXPECT_EQ(victim.name(), "x");
}

TEST(evidence, every_one_has_a_name_and_a_place) {
    for (int i = 0; i < EvidenceSet::kSize; ++i) {
        const auto one = static_cast<Evidence>(i);
        EXPECT_NE(to_string(one), "unknown");
        EXPECT_TRUE(EvidenceSet{}.add(one).has(one));
    }
    EXPECT_EQ(to_string(static_cast<Evidence>(EvidenceSet::kSize)), "unknown");
}

}  // namespace
}  // namespace policies
