// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/ledger.hpp"
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

namespace policies::testing {
namespace {

const std::string kHard = "    memory: { hard: 256MiB }\n";

const std::string kHeard = "hooks:\n  - { on: held, webhook: { url: \"http://a/\" } }\n";

void expect_warning(const std::string& lines, std::string_view part) {
    const auto result = load_text(matched_worker(lines) + kHeard);
    ASSERT_TRUE(result.policy) << all_of(result);
    const auto* found = find(result, part);
    ASSERT_NE(found, nullptr) << lines << all_of(result);
    EXPECT_EQ(found->severity, Severity::kWarning);
    EXPECT_EQ(count(result, Severity::kWarning), 1U) << all_of(result);
}

TEST(LoadReplicas, ReadsLoanAndRestartWith) {
    const auto result =
        load_text(matched_worker(
            kHard + "    near_oom: { loan: 10% }\n"
                    "    restart_with: { services: [web, \"cron-*\"], joined_namespaces: true }\n"));
    ASSERT_TRUE(result.policy) << all_of(result);
    EXPECT_TRUE(result.diagnostics.empty()) << all_of(result);
    const ServicePolicy& policy = result.policy->services.front();
    EXPECT_EQ(policy.near_oom->loan, percent(10));
    ASSERT_TRUE(policy.restart_with);
    EXPECT_EQ(policy.restart_with->services, (std::vector<std::string>{"web", "cron-*"}));
    EXPECT_TRUE(policy.restart_with->joined_namespaces);
}

TEST(LoadReplicas, HasNeitherByDefault) {
    const auto result = load_text(matched_worker(kHard + "    near_oom: {}\n"));
    ASSERT_TRUE(result.policy);
    EXPECT_FALSE(result.policy->services.front().near_oom->loan);
    EXPECT_FALSE(result.policy->services.front().restart_with);
}

TEST(LoadReplicas, RefusesALoanThatCannotBePaidBack) {
    expect_error(matched_worker(kHard + "    near_oom: { loan: 0 }\n"), "must be more than 0", 6);
    expect_error(matched_worker(kHard + "    near_oom: { loan: 0% }\n"), "must be more than 0", 6);
    expect_error(matched_worker(kHard + "    near_oom: { loan: lots }\n"), "'lots'", 6);
    expect_error(matched_worker("    near_oom: { loan: 10% }\n"), "a loan needs memory.hard", 5);
}

TEST(LoadReplicas, WarnsOfALoanThatIsNeverAsked) {
    for (const std::string action : {"notify", "kill", "hold"})
        expect_warning(kHard + "    near_oom: { do: " + action + ", loan: 10% }\n",
                       "'loan' has no effect with do: " + action);
}

TEST(LoadReplicas, RefusesARestartWithThatNamesNothing) {
    const std::string near = "    near_oom: {}\n";
    expect_error(matched_worker(near + "    restart_with: { joined_namespaces: false }\n"),
                 "names no container", 6);
    expect_error(matched_worker(near + "    restart_with: { joined_namespaces: perhaps }\n"), "perhaps", 6);
    expect_error(matched_worker(near + "    restart_with: { services: [\"web[\"] }\n"), "web[", 6);
    expect_error(matched_worker(near + "    restart_with: { service: web }\n"), "did you mean 'services'", 6);
}

TEST(LoadReplicas, WarnsOfARestartWithThatDoesNothing) {
    expect_warning("    near_oom: {}\n    restart_with: { services: [worker, web] }\n",
                   "names the service 'worker' itself");
    expect_warning("    restart_with: { services: [web] }\n", "has no effect");
    expect_warning("    near_oom: { do: notify }\n    restart_with: { services: [web] }\n", "has no effect");
    expect_warning("    near_oom: { do: hold }\n    restart_with: { services: [web] }\n", "has no effect");
}

TEST(LoadReplicas, TheLedgerSaysWhichLoanTheHostCannotGive) {
    const auto result =
        load_text(matched_worker("    memory: { hard: 3GiB }\n    near_oom: { loan: 2GiB }\n"));
    ASSERT_TRUE(result.policy) << all_of(result);
    const auto small = add_up(*result.policy, 4_GiB);
    EXPECT_EQ(small.error, "");
    EXPECT_NE(small.warning.find("the loan of 2GiB of worker can never be granted"), std::string::npos)
        << small.warning;
    EXPECT_EQ(small.worst, 3_GiB) << "a loan is no promise";
    EXPECT_EQ(add_up(*result.policy, 8_GiB).warning, "");
    EXPECT_EQ(add_up(*result.policy, 8_GiB).lines.front().loan, 2_GiB);
}

}  // namespace
}  // namespace policies::testing
