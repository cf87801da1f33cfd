// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace governor::cli::doctor {
namespace {

using testing::HasSubstr;

constexpr int kMain = 100;

ContainerFacts server(int children) {
    ContainerFacts out;
    out.details.name = "shop-web-1";
    out.details.state.pid = kMain;
    for (int i = 0; i <= children; ++i) {
        policies::ProcessMemory process;
        process.pid = kMain + i;
        process.parent = i == 0 ? 1 : kMain;
        process.exe_device = 1;
        process.exe_inode = 7;
        process.comm = i == 0 ? "master" : "worker";
        process.freed_by_end = process.anonymous = process.proportional = policies::Bytes{1U << 20U};
        out.processes.push_back(process);
        out.signals[process.pid].caught = std::uint64_t{1} << (SIGTERM - 1);
    }
    return out;
}

policies::ServicePolicy policy(policies::NearOomAction action = policies::NearOomAction::kRecycle) {
    policies::ServicePolicy out;
    out.near_oom.emplace().action = action;
    return out;
}

std::string judged(const ContainerFacts& container, const policies::ServicePolicy& policy) {
    Checks out;
    judge_pool(out, container, policy);
    return out.empty() ? "" : out.front().found + " | " + out.front().mend;
}

TEST(DoctorPool, AGoodPoolIsGood) {
    EXPECT_EQ(judged(server(3), policy()), "");
    EXPECT_EQ(judged(server(3), policy(policies::NearOomAction::kAuto)), "");
}

TEST(DoctorPool, OneProcessCannotBeRecycled) {
    EXPECT_THAT(judged(server(0), policy()), HasSubstr("it has one process"));
    EXPECT_EQ(judged(server(0), policy(policies::NearOomAction::kAuto)), "") << "auto restarts it, as asked";
    EXPECT_EQ(judged(server(0), policy(policies::NearOomAction::kGracefulRestart)), "");
}

TEST(DoctorPool, PatternsThatMatchNothingOrPidOneOnly) {
    auto wrong = policy();
    wrong.near_oom->recycle.processes = {"wroker"};
    EXPECT_THAT(judged(server(3), wrong), HasSubstr("matches none of its child processes"));
    wrong.near_oom->recycle.processes = {"master"};
    EXPECT_THAT(judged(server(3), wrong), HasSubstr("matches PID 1 only"));
}

TEST(DoctorPool, AChildThatDoesNotHeedTheSignal) {
    auto quits = policy();
    quits.near_oom->recycle.signal = SIGQUIT;
    EXPECT_THAT(judged(server(3), quits), HasSubstr("has no handler for SIGQUIT: it ends at once"));
    quits.near_oom->recycle.signal = SIGWINCH;
    EXPECT_THAT(judged(server(3), quits), HasSubstr("ignores SIGWINCH"));
}

TEST(DoctorPool, WhatIsNotVisibleIsNotJudged) {
    auto hidden = server(3);
    hidden.processes.clear();
    EXPECT_EQ(judged(hidden, policy()), "");
    auto no_signals = server(3);
    no_signals.signals.clear();
    EXPECT_EQ(judged(no_signals, policy()), "");
}

}  // namespace
}  // namespace governor::cli::doctor
