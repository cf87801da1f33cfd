// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/attempts.hpp"

#include <gtest/gtest.h>

namespace governor::hooks {
namespace {

using namespace std::chrono_literals;
using Next = Verdict::Next;

const Outcome kGood{};
const Outcome kBad{Outcome::Kind::kFailed, "down", {}};
const Outcome kNo{Outcome::Kind::kRefused, "400", {}};

class AttemptsTest : public testing::Test {
  protected:
    Verdict after(const Outcome& outcome, double chance = 1) { return attempts.after(outcome, now, chance); }

    policies::TimePoint now{1h};
    Attempts attempts{{.from = 1s, .to = 60s, .give_up = 10min}};
};

TEST_F(AttemptsTest, ASuccessLeadsToTheNextEventAtOnce) {
    const Verdict verdict = after(kGood);
    EXPECT_EQ(verdict.next, Next::kNextEvent);
    EXPECT_EQ(verdict.wait, 0ms);
    EXPECT_FALSE(verdict.now_well) << "it was never failing";
}

TEST_F(AttemptsTest, TheWaitDoublesUpToItsBound) {
    std::vector<std::chrono::milliseconds> waits;
    for (int i = 0; i < 9; ++i) {
        const Verdict verdict = after(kBad);
        EXPECT_EQ(verdict.next, Next::kAgain);
        waits.push_back(verdict.wait);
    }
    EXPECT_EQ(waits, (std::vector<std::chrono::milliseconds>{1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s}));
    EXPECT_EQ(after(kBad, 0).wait, 30s) << "jitter takes half of it at most";
}

TEST_F(AttemptsTest, FailingAndWellAreToldOnce) {
    int failing = 0;
    for (int i = 0; i < 20; ++i) failing += after(kBad).now_failing ? 1 : 0;
    EXPECT_EQ(failing, 1);
    EXPECT_TRUE(attempts.failing());
    EXPECT_TRUE(after(kGood).now_well);
    EXPECT_FALSE(after(kGood).now_well);
    EXPECT_FALSE(attempts.failing());
}

TEST_F(AttemptsTest, AnEventIsGivenUpAfterItsTimeAndTheNextOneIsNotHammered) {
    EXPECT_EQ(after(kBad).next, Next::kAgain);
    now += 10min;
    const Verdict last = after(kBad);
    EXPECT_EQ(last.next, Next::kGiveUp);
    EXPECT_EQ(last.wait, 2s);
    now += 1s;
    const Verdict other = after(kBad);
    EXPECT_EQ(other.next, Next::kAgain) << "the next event has its own time";
    EXPECT_EQ(other.wait, 4s) << "the target is as bad as before";
}

TEST_F(AttemptsTest, WhatTheTargetRefusesIsGivenUpAtOnceAndShowsThatItIsWell) {
    for (int i = 0; i < 6; ++i) after(kBad);
    const Verdict verdict = after(kNo);
    EXPECT_EQ(verdict.next, Next::kGiveUp);
    EXPECT_EQ(verdict.wait, 0ms);
    EXPECT_TRUE(verdict.now_well);
}

TEST_F(AttemptsTest, RetryAfterIsObeyedWithinReason) {
    EXPECT_EQ(after({Outcome::Kind::kFailed, "503", 20s}).wait, 20s);
    EXPECT_EQ(after({Outcome::Kind::kFailed, "503", 1s}).wait, 2s);
    EXPECT_EQ(after({Outcome::Kind::kFailed, "503", 24h * 365}).wait, 1h);
}

}  // namespace
}  // namespace governor::hooks
