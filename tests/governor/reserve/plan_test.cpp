// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/reserve/plan.hpp"

#include <gtest/gtest.h>

namespace governor::reserve {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
const std::string kMount = "/sys/fs/cgroup";
const std::string kSlice = kMount + "/system.slice";

Claim claim(const std::string& path, std::optional<std::uint64_t> min,
            std::optional<std::uint64_t> low = std::nullopt) {
    Claim out{kMount + path, std::nullopt, std::nullopt, std::nullopt};
    if (min) out.min = cgroups::Bytes{*min * kMiB};
    if (low) out.low = cgroups::Bytes{*low * kMiB};
    return out;
}

std::optional<std::uint64_t> mib(const std::map<Place, cgroups::Bytes>& plan, const std::string& path,
                                 Knob knob) {
    const auto found = plan.find({path, knob});
    if (found == plan.end()) return std::nullopt;
    return found->second.value / kMiB;
}

TEST(Plan, TheContainerAndEveryAncestorGetIt) {
    const std::vector<Claim> claims = {claim("/a.slice/a-b.slice/docker-1.scope", 100, 150)};
    const auto out = plan(kMount, claims, {});
    EXPECT_EQ(mib(out, kMount + "/a.slice/a-b.slice/docker-1.scope", Knob::kMin), 100);
    EXPECT_EQ(mib(out, kMount + "/a.slice/a-b.slice", Knob::kMin), 100);
    EXPECT_EQ(mib(out, kMount + "/a.slice", Knob::kMin), 100);
    EXPECT_EQ(mib(out, kMount + "/a.slice", Knob::kLow), 150);
    EXPECT_EQ(out.size(), 6U) << "nothing else is touched, the root least of all";
}

TEST(Plan, AnAncestorGetsTheSumOfItsChildren) {
    const std::vector<Claim> claims = {claim("/system.slice/docker-1.scope", 100),
                                       claim("/system.slice/docker-2.scope", 50)};
    EXPECT_EQ(mib(plan(kMount, claims, {}), kSlice, Knob::kMin), 150);
}

TEST(Plan, AnAncestorIsNeverLoweredBelowWhatItHad) {
    const std::vector<Claim> claims = {claim("/system.slice/docker-1.scope", 100)};
    const auto out = plan(kMount, claims, {{kSlice, {{400 * kMiB}, {0}}}});
    EXPECT_EQ(mib(out, kSlice, Knob::kMin), 400);
}

TEST(Plan, WithoutAnyClaimAnAncestorGoesBackToWhatItHad) {
    const auto out = plan(kMount, {}, {{kSlice, {{7 * kMiB}, {0}}}});
    EXPECT_EQ(mib(out, kSlice, Knob::kMin), 7);
    EXPECT_EQ(mib(out, kSlice, Knob::kLow), 0);
}

TEST(Plan, ASwapLimitAloneTouchesNoAncestor) {
    Claim only = claim("/system.slice/docker-1.scope", std::nullopt);
    only.swap = cgroups::Bytes{0};
    const std::vector<Claim> claims = {only};
    const auto out = plan(kMount, claims, {});
    EXPECT_EQ(out.size(), 1U);
    EXPECT_EQ(mib(out, only.path, Knob::kSwapMax), 0);
}

TEST(Plan, ClaimsBeyondAnyMachineDoNotWrapAround) {
    Claim huge = claim("/system.slice/docker-1.scope", 1);
    huge.min = cgroups::kMax;
    const std::vector<Claim> claims = {huge, claim("/system.slice/docker-2.scope", 1)};
    EXPECT_EQ(plan(kMount, claims, {}).at({kSlice, Knob::kMin}), cgroups::kMax);
}

TEST(Ancestors, OutsideTheMountThereAreNone) {
    EXPECT_TRUE(ancestors(kMount, "/elsewhere/x").empty());
    EXPECT_TRUE(ancestors(kMount, kMount + "/docker").empty());
    EXPECT_EQ(ancestors(kMount, kMount + "/docker/abc"), std::vector<std::string>{kMount + "/docker"});
}

TEST(UnitOf, OnlyWhatSystemdKnows) {
    EXPECT_EQ(unit_of(kSlice), "system.slice");
    EXPECT_EQ(unit_of(kSlice + "/docker-1.scope"), "docker-1.scope");
    EXPECT_EQ(unit_of(kMount + "/docker"), "");
    EXPECT_EQ(unit_of(kMount + "/docker/0123"), "");
    EXPECT_EQ(unit_of("/.slice"), "");
}

TEST(Note, ComesBackAsItWas) {
    const Baseline baseline{{12345}, {cgroups::kMax}};
    EXPECT_EQ(parse_note(to_note(baseline)), baseline);
}

TEST(Note, WhatIsNotOursIsNotUnderstood) {
    for (const char* text : {"", "reserve", "reserve ", "reserve 1", "reserve 1 2 3", "reserve a b",
                             "frozen 12", "reserve 99999999999999999999 1"})
        EXPECT_FALSE(parse_note(text)) << text;
}

}  // namespace
}  // namespace governor::reserve
