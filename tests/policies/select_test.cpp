// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/glob.hpp"
#include "policies/policy.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace policies {
namespace {

ServicePolicy policy_for(std::string name, Match match) {
    ServicePolicy policy;
    policy.name = std::move(name);
    policy.match = std::move(match);
    return policy;
}

Match by_service(std::string glob) {
    return {.project = {}, .service = {std::move(glob)}, .container = {}, .labels = {}};
}

Candidate coach() {
    return {.project = "jobmate",
            .service = "ai-coach-service",
            .container = "/jobmate-ai-coach-service-1",
            .labels = {}};
}

TEST(Glob, MatchesLikeAShell) {
    EXPECT_TRUE(glob_matches("*", ""));
    EXPECT_TRUE(glob_matches("*", "postgres"));
    EXPECT_TRUE(glob_matches("ai-*-service", "ai-coach-service"));
    EXPECT_TRUE(glob_matches("worker-?", "worker-1"));
    EXPECT_TRUE(glob_matches("worker-[0-9]", "worker-7"));
    EXPECT_TRUE(glob_matches("worker-[!0-9]", "worker-x"));
    EXPECT_TRUE(glob_matches("[]x]", "]"));
    EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
    EXPECT_TRUE(glob_matches("", ""));
}

TEST(Glob, MatchesTheWholeTextOnly) {
    EXPECT_FALSE(glob_matches("redis", "redis-cache"));
    EXPECT_FALSE(glob_matches("redis", "my-redis"));
    EXPECT_FALSE(glob_matches("worker-?", "worker-"));
    EXPECT_FALSE(glob_matches("worker-[0-9]", "worker-x"));
    EXPECT_FALSE(glob_matches("worker-[!0-9]", "worker-7"));
    EXPECT_FALSE(glob_matches("", "x"));
    EXPECT_FALSE(glob_matches("a*b", "a-c"));
}

TEST(Glob, TakesAnUnclosedBracketAsACharacter) {
    EXPECT_TRUE(glob_matches("a[b", "a[b"));
    EXPECT_FALSE(glob_matches("a[b", "ab"));
}

TEST(Glob, IsNotExponential) {
    std::string pattern;
    for (int i = 0; i < 50; ++i) pattern += "a*";
    pattern += 'b';
    const std::string text(20'000, 'a');
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(glob_matches(pattern, text));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Glob, TellsWhatIsWrongWithAPattern) {
    EXPECT_FALSE(glob_problem("worker-[0-9]*"));
    EXPECT_FALSE(glob_problem("[]x]"));
    EXPECT_EQ(glob_problem("worker-[0-9")->offset, 7U);
    EXPECT_TRUE(glob_problem("[9-0]"));
    EXPECT_TRUE(glob_problem(""));
}

TEST(Select, FindsByServiceAndProject) {
    Policy policy;
    auto match = by_service("ai-*");
    match.project = {"shop", "job*"};
    policy.services = {policy_for("database", by_service("postgres")), policy_for("ai-coach", match)};
    ASSERT_NE(select(policy, coach()).policy, nullptr);
    EXPECT_EQ(select(policy, coach()).policy->name, "ai-coach");
    auto other = coach();
    other.project = "staging";
    EXPECT_EQ(select(policy, other).policy, nullptr);
}

TEST(Select, MatchesTheContainersNameWithoutDockersSlash) {
    Policy policy;
    policy.services = {
        policy_for("one", {.project = {}, .service = {}, .container = {"jobmate-*-1"}, .labels = {}})};
    EXPECT_NE(select(policy, coach()).policy, nullptr);
}

TEST(Select, WantsEveryLabelToMatch) {
    Policy policy;
    policy.services = {policy_for(
        "one",
        {.project = {}, .service = {}, .container = {}, .labels = {{"tier", "work*"}, {"leaky", "yes"}}})};
    auto candidate = coach();
    candidate.labels = {{"tier", "worker"}};
    EXPECT_EQ(select(policy, candidate).policy, nullptr);
    candidate.labels.emplace_back("leaky", "yes");
    EXPECT_NE(select(policy, candidate).policy, nullptr);
}

TEST(Select, GivesNoneWhenTwoMatchAndSaysWhich) {
    Policy policy;
    policy.services = {policy_for("all", by_service("*")), policy_for("ai-coach", by_service("ai-*"))};
    const auto selection = select(policy, coach());
    EXPECT_EQ(selection.policy, nullptr);
    EXPECT_EQ(selection.also_matching, (std::vector<std::string>{"all", "ai-coach"}));
}

TEST(Select, LetsTheLabelChoose) {
    Policy policy;
    policy.services = {policy_for("all", by_service("*")), policy_for("ai-coach", by_service("ai-*"))};
    auto candidate = coach();
    candidate.labels = {{"governor.policy", "ai-coach"}};
    const auto selection = select(policy, candidate);
    ASSERT_NE(selection.policy, nullptr);
    EXPECT_EQ(selection.policy->name, "ai-coach");
    EXPECT_TRUE(selection.also_matching.empty());
}

TEST(Select, DoesNotFallBackWhenTheLabelNamesNothing) {
    Policy policy;
    policy.services = {policy_for("ai-coach", by_service("ai-*"))};
    auto candidate = coach();
    candidate.labels = {{"governor.policy", "ai-couch"}};
    const auto selection = select(policy, candidate);
    EXPECT_EQ(selection.policy, nullptr);
    EXPECT_EQ(selection.unknown_label_policy, "ai-couch");
}

TEST(Select, IsSwitchedOffByLabelBeforeAllElse) {
    Policy policy;
    policy.services = {policy_for("ai-coach", by_service("ai-*"))};
    for (const auto* no : {"false", "False", "no", "off", "0"}) {
        auto candidate = coach();
        candidate.labels = {{"governor.policy", "ai-coach"}, {"governor.enable", no}};
        const auto selection = select(policy, candidate);
        EXPECT_TRUE(selection.switched_off) << no;
        EXPECT_EQ(selection.policy, nullptr) << no;
    }
    auto candidate = coach();
    candidate.labels = {{"governor.enable", "true"}};
    EXPECT_NE(select(policy, candidate).policy, nullptr);
}

}  // namespace
}  // namespace policies
