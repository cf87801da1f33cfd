// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/kill_book.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace governor::watch {
namespace {

using namespace std::chrono_literals;
using policies::Verdict;
using Log = policies::KillFacts::Log;

const std::string kA(64, 'a');
const std::string kB(64, 'b');
const std::string kSlice = "/guard.slice";
constexpr auto kLater = KillCount::kSettle + 1ms;

policies::TimePoint at(policies::Duration since) {
    return policies::TimePoint(1h + since);
}
std::string path_of(const std::string& id) {
    return kSlice + "/docker-" + id + ".scope";
}
cgroups::OomReport report(const std::string& id, int pid, const std::string& whose = "") {
    cgroups::OomReport out;
    out.pid = pid;
    out.comm = "python3";
    out.rss = {15U << 20U};
    out.memcg_message = true;
    if (id.empty()) return out;  // its first line was left out
    out.constraint = cgroups::OomReport::Constraint::kMemcg;
    out.task_memcg = path_of(id);
    out.oom_memcg = whose.empty() ? out.task_memcg : whose;
    return out;
}
OomCounters counters(std::uint64_t kills) {
    return {kills, kills, kills, 0};
}

TEST(KillBook, FindsTheContainerInThePath) {
    EXPECT_EQ(container_cgroup_of(path_of(kA)).id, kA);
    EXPECT_EQ(container_cgroup_of(path_of(kA) + "/init.scope").path, path_of(kA));
    EXPECT_EQ(container_cgroup_of("/docker/" + kA).path, "/docker/" + kA);
    EXPECT_EQ(container_cgroup_of("/system.slice/ssh.service").id, "");
    EXPECT_EQ(container_cgroup_of("").id, "");
}

TEST(KillBook, KnowsWhoseLimitItWas) {
    EXPECT_EQ(scope_of(report(kA, 1)), Log::kOwn);
    EXPECT_EQ(scope_of(report(kA, 1, path_of(kA) + "/nested")), Log::kOwn);
    EXPECT_EQ(scope_of(report(kA, 1, kSlice)), Log::kAncestor);
    EXPECT_EQ(scope_of(report(kA, 1, "/")), Log::kAncestor);
    EXPECT_EQ(scope_of(report("", 1)), Log::kSomeCgroup);
    cgroups::OomReport host = report(kA, 1);
    host.constraint = cgroups::OomReport::Constraint::kHost;
    EXPECT_EQ(scope_of(host), Log::kHost);
}

TEST(KillBook, AKillOfPid1IsTheDeathOfTheContainer) {
    KillBook book(true);
    book.began(kA);
    book.found(kA, 100, counters(0), at(1s));
    book.reported(report(kA, 100), "", at(2s));
    const auto death = judge(book.ended(kA, 137, at(3s)));
    EXPECT_EQ(death.verdict, Verdict::kOwnLimit);
    EXPECT_TRUE(death.victim.main);
    EXPECT_EQ(death.docker_agrees, std::nullopt);
    book.docker_oom(kA, at(3s + 10ms));
    const auto told = book.take(at(3s + 10ms));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].id, kA);
    EXPECT_EQ(told[0].judged.verdict, Verdict::kOwnLimit);
    EXPECT_TRUE(told[0].judged.docker_agrees);
    EXPECT_TRUE(told[0].victim.main);
    EXPECT_EQ(told[0].victim.pid, 100);
}

TEST(KillBook, AKillOfAChildIsNot) {
    KillBook book(true);
    book.found(kA, 100, counters(5), at(0s));
    book.reported(report(kA, 101), "", at(1s));
    book.counted(kA, counters(6), at(1s));
    const auto told = book.take(at(1s + kLater));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_FALSE(told[0].victim.main);
    EXPECT_FALSE(told[0].judged.docker_agrees) << "Docker was silent";
    EXPECT_EQ(book.reading(kA), 6U);
    EXPECT_EQ(judge(book.ended(kA, 0, at(10min))).verdict, Verdict::kOwnExit);
}

TEST(KillBook, AContainerThatDiedBeforeAnybodyLookedIsKnownByItsPath) {
    KillBook book(true);
    book.began(kA);
    book.reported(report(kA, 100), "", at(10ms));
    EXPECT_EQ(judge(book.ended(kA, 137, at(20ms))).verdict, Verdict::kOwnLimit);
    EXPECT_EQ(book.take(at(kLater + 10ms)).size(), 1U);
}

TEST(KillBook, TheReportOfALifeThatIsOverIsNotTheNextOnes) {
    KillBook book(true);
    book.began(kA);
    book.found(kA, 100, counters(0), at(1s));
    book.ended(kA, 137, at(2s));
    book.began(kA);
    book.reported(report(kA, 100), "", at(2s + 200ms));
    book.found(kA, 200, counters(0), at(2s + 300ms));
    const auto told = book.take(at(10s));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].victim.main);
    EXPECT_EQ(book.reading(kA), 0U) << "nothing has happened to the new one";
    EXPECT_EQ(judge(book.ended(kA, 137, at(20s))).verdict, Verdict::kSigkillBySomeone);
}

TEST(KillBook, WithNobodyKnownByItsPidTheOneThatWaitsGetsTheReport) {
    KillBook book(true);
    book.began(kA);
    book.ended(kA, 137, at(1s));  // never found
    book.began(kA);
    book.reported(report(kA, 100), "", at(1s + 200ms));
    EXPECT_EQ(book.reading(kA), 0U);
    EXPECT_EQ(book.take(at(10s)).size(), 1U);
}

TEST(KillBook, DockersLateWordBelongsToTheLifeItCameFor) {
    KillBook book(true);
    book.began(kA);
    book.found(kA, 100, counters(0), at(0s));
    book.reported(report(kA, 100), "", at(1s));
    book.ended(kA, 137, at(1s));
    book.began(kA);
    book.docker_oom(kA, at(1s + 200ms));
    const auto told = book.take(at(1s + 200ms));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].judged.docker_agrees);
    EXPECT_EQ(judge(book.ended(kA, 0, at(1min))).docker_agrees, true);
}

TEST(KillBook, AReportWithoutItsCgroupIsPlacedByItsProcessOrByWhoMissesOne) {
    KillBook book(true);
    for (const auto& [id, pid] : {std::pair{kA, 100}, std::pair{kB, 200}}) {
        book.began(id);
        book.found(id, pid, counters(0), at(0s));
    }
    EXPECT_EQ(book.reported(report("", 200), "", at(1s)), kB) << "its PID 1";
    EXPECT_EQ(book.reported(report("", 555), kA, at(1s)), kA) << "/proc still told";
    EXPECT_EQ(book.reported(report("", 777), "", at(2s)), "");
    book.counted(kB, counters(2), at(2s + 10ms));
    std::map<std::string, std::vector<int>> pids;
    for (const JudgedKill& kill : book.take(at(10s))) pids[kill.id].push_back(kill.victim.pid);
    EXPECT_EQ(pids[kA], std::vector{555});
    EXPECT_EQ(pids[kB], (std::vector{200, 777}));
}

TEST(KillBook, AReportThatIsNobodysIsForgotten) {
    KillBook book(true);
    book.began(kA);
    book.found(kA, 100, counters(0), at(0s));
    EXPECT_EQ(book.reported(report("", 777), "", at(1s)), "");
    EXPECT_TRUE(book.take(at(10s)).empty());
    EXPECT_EQ(book.due(), policies::TimePoint::max());
    cgroups::OomReport service = report(kA, 5);
    service.task_memcg = "/system.slice/ssh.service";
    EXPECT_EQ(book.reported(service, "", at(11s)), "");
    EXPECT_EQ(book.due(), policies::TimePoint::max());
}

TEST(KillBook, EightContainersTenRoundsWithHalfOfTheReportsAnonymous) {
    KillBook book(true);
    std::map<std::string, std::vector<int>> told;
    policies::TimePoint now = at(0s);
    int pid = 1000;
    const auto hear = [&] {
        for (const JudgedKill& kill : book.take(now)) {
            told[kill.id].push_back(kill.victim.pid);
            EXPECT_TRUE(kill.victim.main);
            EXPECT_EQ(kill.judged.verdict, Verdict::kOwnLimit);
        }
    };
    std::map<std::string, std::vector<int>> expected;
    for (int round = 0; round < 10; ++round) {
        for (char letter = '1'; letter <= '8'; ++letter) {
            const std::string id(64, letter);
            ++pid;
            now += 100ms;
            book.began(id);
            book.found(id, pid, counters(0), now);
            expected[id].push_back(pid);
            const auto how = (round + letter) % 4;
            const bool named = how % 2 == 0;
            if (how < 2) book.counted(id, counters(1), now += 1ms);
            book.reported(report(named ? id : "", pid), "", now += 1ms);
            if (how >= 2) book.ancestors_counted(id, 0);  // its own cgroup is gone
            if (how == 3) book.docker_oom(id, now += 1ms);
            hear();
            EXPECT_EQ(judge(book.ended(id, 137, now += 10ms)).victim.pid, pid);
            if (how != 3) book.docker_oom(id, now += 1ms);
            hear();
        }
    }
    now += 1min;
    hear();
    EXPECT_EQ(told, expected);
}

TEST(KillBook, WhatWasRemovedIsToldAndThenForgotten) {
    KillBook book(true);
    book.found(kA, 100, counters(0), at(0s));
    book.reported(report(kA, 100), "", at(1s));
    book.removed(kA);
    EXPECT_EQ(book.take(at(1s + kLater)).size(), 1U);
    EXPECT_EQ(book.reading(kA), 0U);
}

TEST(KillBook, AReportMayComeBeforeDockerTellsOfTheStart) {
    KillBook book(true);
    book.found(kA, 100, counters(0), at(0s));
    book.reported(report(kA, 100), "", at(1s));
    book.ended(kA, 137, at(1s));
    EXPECT_EQ(book.take(at(1s + kLater)).size(), 1U);
    // The next life is killed at once; Docker tells of its start, and the governor finds it, later.
    book.reported(report(kA, 200), "", at(5s));
    EXPECT_TRUE(book.take(at(5s + kLater)).empty()) << "it is no kill of the life that ended";
    book.began(kA);
    book.found(kA, 200, counters(1), at(8s));
    const auto told = book.take(at(8s + kLater));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].victim.pid, 200);
    EXPECT_TRUE(told[0].victim.main);
    EXPECT_TRUE(book.take(at(60s)).empty());
}

TEST(KillBook, WhetherPid1DiedIsWaitedForWhenItIsNotKnownYet) {
    KillBook book(true);
    book.began(kA);
    book.reported(report(kA, 100), "", at(1s));
    book.docker_oom(kA, at(1s));
    EXPECT_TRUE(book.take(at(8s)).empty()) << "it was never found, and Docker has not told of its end";
    book.ended(kA, 137, at(9s));
    const auto told = book.take(at(9s));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].victim.main);
}

TEST(KillBook, AChildsEndThatWasPassedOnIsKnownHoweverLateDockerTells) {
    KillBook book(true);
    book.found(kA, 100, counters(0), at(0s));
    book.reported(report(kA, 105), "", at(1s));
    book.seen_dying(kA, false, at(2s));
    const policies::Death death = judge(book.ended(kA, 137, at(60s)));
    EXPECT_EQ(death.verdict, Verdict::kOwnLimit);
    EXPECT_FALSE(death.victim.main);
    EXPECT_EQ(death.victim.pid, 105);
}

TEST(KillBook, WhoWasSeenDyingOrKilledByDockerIsNotOomKilled) {
    KillBook book(false);
    book.found(kA, 100, counters(0), at(0s));
    book.docker_kill(kA);
    EXPECT_EQ(judge(book.ended(kA, 137, at(1s))).verdict, Verdict::kSigkillBySomeone);
    book.began(kA);
    book.seen_dying(kA, false, {});
    EXPECT_EQ(judge(book.ended(kA, 137, at(3s))).verdict, Verdict::kOwnExit);
}

}  // namespace
}  // namespace governor::watch
