// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/reserve/drift.hpp"

#include <gtest/gtest.h>

namespace governor::reserve {
namespace {

using namespace std::chrono_literals;
using Verdict = Drift::Verdict;

constexpr cgroups::Bytes kWant{1 << 30};
constexpr cgroups::Bytes kOther{0};
constexpr policies::TimePoint kStart{1h};

TEST(Drift, TheFirstValueIsSetAndIsNoDrift) {
    Drift drift;
    EXPECT_EQ(drift.look(kStart, kOther, kWant), Verdict::kSet);
    EXPECT_EQ(drift.look(kStart + 1s, kWant, kWant), Verdict::kSame);
}

TEST(Drift, AnotherWishIsNoDrift) {
    Drift drift;
    drift.look(kStart, kWant, kWant);
    EXPECT_EQ(drift.look(kStart + 1s, kWant, {kWant.value * 2}), Verdict::kSet);
}

TEST(Drift, WhatSomethingElseChangedIsRepaired) {
    Drift drift;
    drift.look(kStart, kWant, kWant);
    EXPECT_EQ(drift.look(kStart + 1s, kOther, kWant), Verdict::kRepair);
    EXPECT_EQ(drift.look(kStart + 2s, kWant, kWant), Verdict::kSame);
}

TEST(Drift, TheKernelsRoundingToWholePagesIsNoDrift) {
    Drift drift;
    drift.look(kStart, kWant, kWant);
    EXPECT_EQ(drift.look(kStart, {kWant.value + 4000}, {kWant.value + 4095}), Verdict::kSame);
    EXPECT_EQ(drift.look(kStart, kWant, {kWant.value + 4095}), Verdict::kSame);
    EXPECT_FALSE(same_value(kWant, cgroups::kMax));
}

/// Repairs every second as long as it may; returns how many it did until `until`.
int repairs(Drift& drift, policies::TimePoint from, policies::TimePoint until, int* storms = nullptr) {
    int done = 0;
    for (auto now = from; now < until; now += 1s) {
        const Verdict verdict = drift.look(now, kOther, kWant);
        done += verdict == Verdict::kRepair || verdict == Verdict::kStorm ? 1 : 0;
        if (storms != nullptr) *storms += verdict == Verdict::kStorm ? 1 : 0;
    }
    return done;
}

TEST(Drift, TheFifthRepairInAMinuteIsAStormAndTheNextOneWaits) {
    Drift drift;
    drift.look(kStart, kWant, kWant);
    int storms = 0;
    EXPECT_EQ(repairs(drift, kStart + 1s, kStart + 60s, &storms), 5);
    EXPECT_EQ(storms, 1);
}

TEST(Drift, AStormIsRepairedAtMostEveryQuarterOfAnHour) {
    Drift drift;
    drift.look(kStart, kWant, kWant);
    // 1, 2, 4, 8, 15, 15, … minutes apart.
    EXPECT_LE(repairs(drift, kStart, kStart + 1h), 5 + 7);
    EXPECT_LE(repairs(drift, kStart + 1h, kStart + 2h), 5);
}

TEST(Drift, FewerThanFiveAMinuteGoOnForEver) {
    Drift drift;
    drift.look(kStart, kWant, kWant);
    for (int i = 1; i < 100; ++i)
        EXPECT_EQ(drift.look(kStart + 16s * i, kOther, kWant), Verdict::kRepair) << i;
}

TEST(Drift, AfterALongCalmItStartsAnew) {
    Drift drift;
    drift.look(kStart, kWant, kWant);
    repairs(drift, kStart, kStart + 10s);
    EXPECT_EQ(drift.look(kStart + 1h, kOther, kWant), Verdict::kRepair);
}

TEST(LikelyCause, TheNearestInTheChainOfBlame) {
    const auto now = kStart;
    EXPECT_EQ(likely_cause(now, {}), "written by hand or by another program");
    EXPECT_EQ(likely_cause(now, {{}, {}, now - 1s}), "set through systemd");
    EXPECT_EQ(likely_cause(now, {{}, now - 1s, now - 1s}), "daemon-reload");
    EXPECT_EQ(likely_cause(now, {now - 9s, now - 1s, now - 1s}), "docker update");
    EXPECT_EQ(likely_cause(now, {now - 1min, now - 1min, now - 1min}),
              "written by hand or by another program");
}

}  // namespace
}  // namespace governor::reserve
