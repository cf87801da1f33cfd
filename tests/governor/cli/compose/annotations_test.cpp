// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/annotations.hpp"

#include "tests/governor/cli/compose/annotating.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace governor::cli::compose {
namespace {

using policies::percent;
using policies::operator""_GiB;
using policies::operator""_MiB;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Annotate, AReservedServiceGetsItsReservationAndTheRestStays) {
    const auto done = annotated(
        "# the stack\n"
        "name: jobmate\n"
        "\n"
        "services:\n"
        "  postgres:   # the database\n"
        "    image: 'postgres:16'\n"
        "    volumes: [ data:/var/lib/postgresql/data ]\n"
        "\n"
        "  web:\n"
        "    image: nginx   # no policy\n"
        "\n"
        "volumes:\n"
        "  data: {}\n",
        {reserved("database", "postgres", 1_GiB, 1536_MiB)});
    EXPECT_EQ(done.text,
              "# the stack\n"
              "name: jobmate\n"
              "\n"
              "services:\n"
              "  postgres:   # the database\n"
              "    image: 'postgres:16'\n"
              "    volumes: [ data:/var/lib/postgresql/data ]\n"
              "    annotations:\n"
              "      org.systemd.property.MemoryMin: \"uint64 1073741824\"\n"
              "      org.systemd.property.MemoryLow: \"uint64 1610612736\"\n"
              "\n"
              "  web:\n"
              "    image: nginx   # no policy\n"
              "\n"
              "volumes:\n"
              "  data: {}\n");
    EXPECT_EQ(done.matched, 1U);
    EXPECT_FALSE(done.tripwires);
}

TEST(Annotate, TheSlicesThatMustProtectAsMuchAreTold) {
    const auto done = annotated(
        "services:\n"
        "  postgres:\n    image: x\n"
        "  redis:\n    image: x\n    deploy:\n      replicas: 3\n"
        "  mongo:\n    image: x\n    cgroup_parent: data-big.slice\n",
        {reserved("database", "postgres", 1_GiB, 1536_MiB), reserved("cache", "redis", 256_MiB, {}),
         reserved("documents", "mongo", 2_GiB, {})});
    ASSERT_THAT(done.slices, SizeIs(3));
    EXPECT_EQ(done.slices[0].name, "system.slice");
    EXPECT_EQ(done.slices[0].min, 1024_MiB + 768_MiB);
    EXPECT_EQ(done.slices[0].low, 1536_MiB);
    EXPECT_EQ(done.slices[1].name, "data.slice");
    EXPECT_EQ(done.slices[1].min, 2_GiB);
    EXPECT_EQ(done.slices[2].name, "data-big.slice");
    EXPECT_EQ(done.slices[2].min, 2_GiB);
    EXPECT_THAT(
        hints_of(done),
        ElementsAre(
            HasSubstr("systemctl set-property system.slice MemoryMin=1879048192 MemoryLow=1610612736"),
            HasSubstr("systemctl set-property data.slice MemoryMin=2147483648"),
            HasSubstr("systemctl set-property data-big.slice ")));
}

TEST(Annotate, AGovernedWorkerGetsItsTripwireAndItsLimits) {
    const auto done = annotated("services:\n  coach:\n    image: x\n", {worker("coach", "coach", 2_GiB)});
    EXPECT_EQ(done.text,
              "services:\n"
              "  coach:\n"
              "    image: x\n"
              "    mem_limit: 2g\n"
              "    memswap_limit: 2g\n"
              "    annotations:\n"
              "      org.systemd.property.MemoryHigh: \"uint64 1932735283\"\n"
              "      org.systemd.property.MemorySwapMax: \"uint64 0\"\n");
    EXPECT_TRUE(done.tripwires);
    EXPECT_THAT(done.slices, IsEmpty());
}

TEST(Annotate, OnlyWhereSomethingThenActsThereIsATripwire) {
    auto notified = worker("coach", "coach", 2_GiB);
    notified.near_oom->action = policies::NearOomAction::kNotify;
    EXPECT_THAT(annotated("services:\n  coach:\n    image: x\n", {notified}).text,
                testing::Not(HasSubstr("MemoryHigh")));
    notified.near_oom.reset();
    EXPECT_THAT(annotated("services:\n  coach:\n    image: x\n", {notified}).text,
                testing::Not(HasSubstr("MemoryHigh")));
}

TEST(Annotate, PercentagesAreOfTheHardLimitOrOfTheHost) {
    policies::ServicePolicy policy = reserved("database", "postgres", {}, {});
    policy.reserve->min = percent(25);
    policy.reserve->swap = percent(10);
    EXPECT_THAT(annotated("services:\n  postgres:\n    image: x\n", {policy}, 8_GiB).text,
                testing::AllOf(HasSubstr("MemoryMin: \"uint64 2147483648\""),
                               HasSubstr("MemorySwapMax: \"uint64 858993459\"")));
    // Half of the limit that the Compose file gives, when the policy leaves it there.
    policies::ServicePolicy coach = worker("coach", "coach", 2_GiB);
    coach.memory.hard.reset();
    coach.memory.swap = percent(50);
    const auto done = annotated(
        "services:\n  coach:\n    image: x\n    mem_limit: 1g\n    memswap_limit: 1536m\n", {coach});
    EXPECT_THAT(done.text, testing::AllOf(HasSubstr("MemoryHigh: \"uint64 966367641\""),
                                          HasSubstr("MemorySwapMax: \"uint64 536870912\"")));
}

TEST(Annotate, APercentageOfSomethingUnknownIsANote) {
    policies::ServicePolicy coach = worker("coach", "coach", 2_GiB);
    coach.memory.hard.reset();
    coach.memory.swap.reset();
    const auto done = annotated("services:\n  coach:\n    image: x\n", {coach});
    EXPECT_EQ(done.text, "services:\n  coach:\n    image: x\n");
    EXPECT_THAT(done.notes, ElementsAre(HasSubstr("MemoryHigh is 90% of the hard limit")));
    policies::ServicePolicy database = reserved("database", "postgres", {}, {});
    database.reserve->min = percent(25);
    const auto unknown = annotated("services:\n  postgres:\n    image: x\n", {database}, std::nullopt);
    EXPECT_THAT(unknown.notes, ElementsAre(HasSubstr("--host-memory")));
}

TEST(Annotate, ServicesAreMatchedAsTheirContainersWouldBe) {
    policies::ServicePolicy by_project = reserved("a", "postgres", 1_GiB, {});
    by_project.match.project = {"jobmate"};
    const char* plain = "services:\n  postgres:\n    image: x\n";
    EXPECT_EQ(annotated(plain, {by_project}).matched, 0U);
    EXPECT_EQ(annotated(std::string("name: jobmate\n") + plain, {by_project}).matched, 1U);
    EXPECT_EQ(annotated(plain, {by_project}, 8_GiB, "jobmate").matched, 1U);
    EXPECT_EQ(annotated("name: other\n" + std::string(plain), {by_project}, 8_GiB, "jobmate").matched, 1U);

    policies::ServicePolicy by_name = reserved("a", "*", 1_GiB, {});
    by_name.match.service.clear();
    by_name.match.container = {"the-database", "p-cache-1"};
    const auto named = annotated(
        "name: p\nservices:\n  db:\n    image: x\n    container_name: the-database\n  cache:\n    image: x\n "
        " web:\n    image: x\n",
        {by_name});
    EXPECT_EQ(named.matched, 2U);

    policies::ServicePolicy by_label = reserved("a", "*", 1_GiB, {});
    by_label.match.service.clear();
    by_label.match.labels = {{"tier", "data"}};
    const auto labelled = annotated(
        "x-shared: &shared\n  labels:\n    tier: data\n"
        "services:\n"
        "  a:\n    image: x\n    labels:\n      tier: data\n"
        "  b:\n    image: x\n    labels: [ \"tier=data\" ]\n"
        "  c:\n    <<: *shared\n    image: x\n"
        "  d:\n    extends: a\n"
        "  e:\n    image: x\n    labels: { tier: web }\n",
        {by_label});
    EXPECT_EQ(labelled.matched, 4U);
}

TEST(Annotate, LabelsMaySwitchOffOrChooseAPolicy) {
    const auto off =
        annotated("services:\n  postgres:\n    image: x\n    labels: { governor.enable: \"false\" }\n",
                  {reserved("database", "postgres", 1_GiB, {})});
    EXPECT_EQ(off.matched, 0U);
    const auto unknown =
        annotated("services:\n  postgres:\n    image: x\n    labels: { governor.policy: none }\n",
                  {reserved("database", "postgres", 1_GiB, {})});
    EXPECT_THAT(unknown.notes, ElementsAre(HasSubstr("'none'")));
    const auto both = annotated("services:\n  postgres:\n    image: x\n",
                                {reserved("a", "postgres", 1_GiB, {}), reserved("b", "post*", 1_GiB, {})});
    EXPECT_EQ(both.matched, 0U);
    EXPECT_THAT(both.notes, ElementsAre(HasSubstr("a, b")));
}

TEST(Annotate, AProjectNameThatIsAVariableMustBeSaidWhenPoliciesAskForIt) {
    policies::ServicePolicy policy = reserved("a", "postgres", 1_GiB, {});
    const char* text = "services:\n  postgres:\n    image: x\nname: ${STACK:-jobmate}\n";
    EXPECT_EQ(annotated(text, {policy}).matched, 1U);
    policy.match.project = {"jobmate"};
    EXPECT_THAT(errors_of(text, {policy}),
                ElementsAre(testing::AllOf(HasSubstr("compose.yaml:4:1"), HasSubstr("--project"))));
    EXPECT_EQ(annotated(text, {policy}, 8_GiB, "jobmate").matched, 1U);
}

TEST(Annotate, ALimitThatDiffersIsToldAndNotChanged) {
    const auto done = annotated("services:\n  coach:\n    image: x\n    mem_limit: 3g\n",
                                {worker("coach", "coach", 2_GiB)});
    EXPECT_THAT(done.text, HasSubstr("mem_limit: 3g\n"));
    EXPECT_THAT(done.text, testing::Not(HasSubstr("memswap_limit"))) << "Docker refuses one below mem_limit";
    const auto* limit = difference(done, "mem_limit");
    ASSERT_NE(limit, nullptr);
    EXPECT_TRUE(limit->by_hand);
    EXPECT_EQ(limit->found, "3g");
    EXPECT_EQ(limit->wanted, "2g");
    EXPECT_EQ(limit->at.line, 4);
}

TEST(Annotate, TheSameLimitInAnySpellingIsGood) {
    for (const char* spelling :
         {"    mem_limit: 2g\n", "    mem_limit: \"2048MB\"\n", "    mem_limit: 2147483648\n",
          "    deploy:\n      resources:\n        limits:\n          memory: 2G\n"}) {
        const std::string text = std::string("services:\n  coach:\n    image: x\n") + spelling;
        const auto done = annotated(text, {worker("coach", "coach", 2_GiB)});
        EXPECT_EQ(difference(done, "mem_limit"), nullptr) << spelling;
    }
}

TEST(Annotate, ALimitThatIsAVariableIsANote) {
    const auto done = annotated("services:\n  coach:\n    image: x\n    mem_limit: ${LIMIT}\n",
                                {worker("coach", "coach", 2_GiB)});
    EXPECT_EQ(difference(done, "mem_limit"), nullptr);
    EXPECT_THAT(done.notes, testing::Contains(HasSubstr("${LIMIT} must be 2g")));
}

TEST(Annotate, AReservationOfDockersOwnWouldWinAndIsTold) {
    const auto done = annotated("services:\n  postgres:\n    image: x\n    mem_reservation: 512m\n",
                                {reserved("database", "postgres", 1_GiB, 1536_MiB)});
    const auto* found = difference(done, "mem_reservation");
    ASSERT_NE(found, nullptr);
    EXPECT_TRUE(found->by_hand);
    EXPECT_EQ(found->wanted, "1536m");
}

TEST(Annotate, WhatANoLongerPolicyAsksForIsTold) {
    const auto done = annotated(
        "services:\n  postgres:\n    image: x\n    annotations:\n"
        "      org.systemd.property.MemoryHigh: \"uint64 5\"\n"
        "      org.systemd.property.MemoryMin: \"uint64 1073741824\"\n",
        {reserved("database", "postgres", 1_GiB, {})});
    EXPECT_THAT(done.differences, IsEmpty());
    EXPECT_THAT(done.notes, ElementsAre(HasSubstr("MemoryHigh")));
}

}  // namespace
}  // namespace governor::cli::compose
