// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Limits above a container, and swap that the kernel does not use.
namespace governor::cli::doctor {
namespace {

using testing::HasSubstr;
using policies::operator""_MiB;

class DoctorLimits : public testing::Test {
  protected:
    DoctorLimits() {
        policies::ServicePolicy policy;
        policy.name = "ai";
        policy.match.service = {"ai"};
        policy.near_oom.emplace();
        policies.policy.emplace();
        policies.policy->services = {policy};
        docker.containers.resize(1);
        auto& details = docker.containers.front().details;
        details.name = "jobmate-ai-1";
        details.labels = {{"com.docker.compose.project", "jobmate"}, {"com.docker.compose.service", "ai"}};
        details.host_config.memory = 400 << 20;
        details.host_config.memory_swap = 400 << 20;
    }
    ContainerFacts& container() { return docker.containers.front(); }
    Checks judged() const { return judge_limits(host, docker, policies); }

    HostFacts host;
    DockerFacts docker;
    policies::LoadResult policies;
};

TEST_F(DoctorLimits, NothingIsSaidWhereTheOwnLimitBinds) {
    EXPECT_TRUE(judged().empty());
    container().limit_above = LimitAbove{"wide.slice", 400_MiB};
    EXPECT_TRUE(judged().empty());
}

TEST_F(DoctorLimits, ASliceWithLessIsNamedWithItsLimit) {
    container().limit_above = LimitAbove{"tight.slice", 200_MiB};
    const auto checks = judged();
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().verdict, Verdict::kWarn);
    EXPECT_THAT(checks.front().found, HasSubstr("400MiB, but tight.slice allows 200MiB (memory.max)"));
    EXPECT_THAT(checks.front().mend, HasSubstr("MemoryMax= of tight.slice"));
}

TEST_F(DoctorLimits, AContainerWithoutALimitIsBoundByItsSlice) {
    container().details.host_config.memory = 0;
    container().limit_above = LimitAbove{"tight.slice", 200_MiB, true};
    const auto checks = judged();
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_THAT(checks.front().found,
                HasSubstr("no hard limit of its own; tight.slice allows 200MiB (memory.high)"));
    EXPECT_TRUE(judge_containers(docker, policies).empty() ||
                judge_containers(docker, policies).front().id != "container.hard_limit");
}

TEST_F(DoctorLimits, SwapThatTheKernelDoesNotUseIsReported) {
    container().details.host_config.memory_swap = 800 << 20;
    EXPECT_TRUE(judged().empty());
    container().swap_above = LimitAbove{"noswap.slice", {}};
    ASSERT_EQ(judged().size(), 1U);
    EXPECT_THAT(judged().front().found, HasSubstr("noswap.slice allows none"));
    host.swap_unused = true;
    ASSERT_EQ(judged().size(), 1U);
    EXPECT_THAT(judged().front().found, HasSubstr("vm.swappiness is 0"));
}

TEST_F(DoctorLimits, TheLedgerCountsWhatASliceAllows) {
    host.memory = policies::Bytes{8ULL << 30U};
    container().limit_above = LimitAbove{"tight.slice", 200_MiB};
    const auto checks = judge_ledger(host, docker, policies);
    ASSERT_FALSE(checks.empty());
    EXPECT_THAT(checks.front().found, HasSubstr("hard limit 200MiB"));
}

}  // namespace
}  // namespace governor::cli::doctor
