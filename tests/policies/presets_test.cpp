// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace policies::testing {
namespace {

std::vector<std::string> preset_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(preset_path(""))) {
        if (entry.path().extension() == ".yaml") names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

LoadResult load_preset(const std::string& name) {
    return load({{name, read_file(preset_path(name))}}, no_environment);
}

TEST(Presets, AllLoadWithoutAWord) {
    ASSERT_GE(preset_names().size(), 3U);
    for (const auto& name : preset_names()) {
        const auto result = load_preset(name);
        EXPECT_TRUE(result.policy) << name;
        EXPECT_EQ(all_of(result), "") << name;
    }
}

TEST(Presets, JobmateKeepsTheCoachInTwoGigabytesAndLeavesTheDatabaseAlone) {
    const auto result = load_preset("jobmate.yaml");
    ASSERT_TRUE(result.policy);
    const Candidate coach{.project = "jobmate",
                          .service = "ai-coach-service",
                          .container = "jobmate-ai-coach-service-1",
                          .labels = {}};
    const auto* policy = select(*result.policy, coach).policy;
    ASSERT_NE(policy, nullptr);
    EXPECT_EQ(policy->memory.hard->bytes, 2_GiB);
    EXPECT_EQ(policy->memory.swap->bytes, Bytes{0});
    EXPECT_EQ(policy->memory.tripwire.of(2_GiB), share_of(2_GiB, Permille{900}));
    ASSERT_TRUE(policy->near_oom && policy->near_oom->warn);
    EXPECT_EQ(policy->near_oom->action, NearOomAction::kAuto);
    EXPECT_EQ(policy->near_oom->drain.grace, std::nullopt);
    for (const std::string service : {"postgres", "redis"}) {
        const auto* database =
            select(*result.policy, {.project = "jobmate", .service = service, .container = "", .labels = {}})
                .policy;
        ASSERT_NE(database, nullptr) << service;
        EXPECT_TRUE(database->never.freeze && database->never.restart && database->never.kill);
        EXPECT_FALSE(database->near_oom);
        EXPECT_FALSE(database->priority);
        ASSERT_TRUE(database->reserve) << service;
        EXPECT_EQ(database->reserve->min->bytes, 1_GiB);
        EXPECT_EQ(database->reserve->low->bytes, 1536_MiB);
        EXPECT_EQ(database->reserve->oom_score_adj, -900);
    }
    EXPECT_EQ(
        select(*result.policy, {.project = "jobmate", .service = "gateway", .container = "", .labels = {}})
            .policy,
        nullptr);
}

TEST(Presets, JobmateLetsTheCoachGiveWayAndNobodyElse) {
    const auto result = load_preset("jobmate.yaml");
    ASSERT_TRUE(result.policy);
    EXPECT_EQ(result.policy->host.keep_free->bytes, 512_MiB);
    EXPECT_EQ(result.policy->host.pressure,
              (HostPressure{.full = true, .share = Permille{100}, .over = milliseconds(2000)}));
    for (const auto& service : result.policy->services)
        EXPECT_EQ(service.priority.has_value(), service.name == "ai-coach") << service.name;
}

TEST(Presets, ObserveActsOnNothing) {
    const auto result = load_preset("observe.yaml");
    ASSERT_TRUE(result.policy);
    EXPECT_TRUE(result.policy->host.keep_free);
    for (const auto& service : result.policy->services) EXPECT_FALSE(service.priority || service.reserve);
    const auto* policy =
        select(*result.policy, {.project = "any", .service = "thing", .container = "", .labels = {}}).policy;
    ASSERT_NE(policy, nullptr);
    EXPECT_FALSE(policy->near_oom);
    EXPECT_FALSE(policy->memory.hard);
}

TEST(Presets, GenericWorkerIsChosenByItsLabelAlone) {
    const auto result = load({{"jobmate.yaml", read_file(preset_path("jobmate.yaml"))},
                              {"generic-worker.yaml", read_file(preset_path("generic-worker.yaml"))}},
                             no_environment);
    ASSERT_TRUE(result.policy);
    EXPECT_EQ(all_of(result), "");
    Candidate candidate{.project = "shop", .service = "thumbnailer", .container = "", .labels = {}};
    EXPECT_EQ(select(*result.policy, candidate).policy, nullptr);
    candidate.labels = {{"governor.policy", "leaky-worker"}};
    ASSERT_NE(select(*result.policy, candidate).policy, nullptr);
    EXPECT_EQ(select(*result.policy, candidate).policy->memory.tripwire, percent(90));
}

}  // namespace
}  // namespace policies::testing
