// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/ledger.hpp"

#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

namespace policies::testing {
namespace {

/// What an 8 GB server has: /proc/meminfo's MemTotal.
constexpr Bytes kServer{8137456ULL * 1024};

Size size(Bytes bytes) {
    return Size{.bytes = bytes, .share = std::nullopt};
}

ServicePolicy limited(const std::string& name, Bytes hard) {
    ServicePolicy service;
    service.name = name;
    service.memory.hard = size(hard);
    return service;
}

ServicePolicy reserved(const std::string& name, std::optional<Size> min, std::optional<Size> low) {
    ServicePolicy service;
    service.name = name;
    service.reserve = Reserve{.min = min, .low = low, .oom_score_adj = {}, .swap = {}};
    return service;
}

Policy policy_of(std::vector<ServicePolicy> services, Bytes keep_free = 512_MiB) {
    Policy policy;
    if (keep_free != Bytes{}) policy.host.keep_free = size(keep_free);
    policy.services = std::move(services);
    return policy;
}

/// Whether all of these stand in the text, in this order.
void expect_in_order(const std::string& text, const std::vector<std::string>& parts) {
    std::size_t at = 0;
    for (const auto& part : parts) {
        const auto found = text.find(part, at);
        ASSERT_NE(found, std::string::npos) << part << "\nin: " << text;
        at = found + part.size();
    }
}

TEST(Ledger, JobmateFitsAnEightGigabyteServerAndNotAOneGigabyteOne) {
    const auto loaded = load({{"jobmate.yaml", read_file(preset_path("jobmate.yaml"))}}, no_environment);
    ASSERT_TRUE(loaded.policy);
    // The database's policy is for PostgreSQL and Redis: two containers.
    const std::vector<Running> both{{"database", 2, kUnlimited}};
    const auto ledger = add_up(*loaded.policy, kServer, both);
    EXPECT_EQ(ledger.error, "");
    EXPECT_EQ(ledger.warning, "");
    EXPECT_EQ(ledger.sum_hard, 2_GiB);
    EXPECT_EQ(ledger.sum_min, 2_GiB);
    EXPECT_EQ(ledger.sum_low, 3_GiB);
    EXPECT_EQ(ledger.worst, 2_GiB + 3_GiB + 512_MiB);
    EXPECT_EQ(ledger.unlimited, std::vector<std::string>{"database"});
    EXPECT_NE(add_up(*loaded.policy, 1_GiB).error, "");
}

TEST(Ledger, CountsOneContainerForWhatDoesNotRunAndEachOfThoseThatDo) {
    const auto policy = policy_of({limited("a", 1_GiB), reserved("b", size(1_GiB), std::nullopt)});
    EXPECT_EQ(add_up(policy, kServer).sum_hard, 1_GiB);
    const auto ledger = add_up(
        policy, kServer, {{"a", 3, 512_MiB}, {"b", 1, 2_GiB}, {"b", 1, kUnlimited}, {"other", 9, 9_GiB}});
    ASSERT_EQ(ledger.lines.size(), 3U);
    EXPECT_EQ(ledger.lines[0].hard, 1_GiB) << "the policy's limit is what will be set";
    EXPECT_EQ(ledger.lines[1].hard, 2_GiB) << "where it sets none, the container's own holds";
    EXPECT_EQ(ledger.sum_hard, 5_GiB);
    EXPECT_EQ(ledger.sum_min, 2_GiB);
    EXPECT_EQ(ledger.unlimited, std::vector<std::string>{"b"});
    EXPECT_EQ(add_up(policy, kServer, {{"a", 0, kUnlimited}}).sum_hard, Bytes{}) << "scaled to nothing";
}

TEST(Ledger, MinIsAnErrorFromTheFirstByteTooMuch) {
    const auto fits = policy_of({reserved("db", size(kServer - 512_MiB), std::nullopt)});
    EXPECT_EQ(add_up(fits, kServer).error, "");
    const auto ledger = add_up(fits, kServer - Bytes{1});
    expect_in_order(ledger.error, {"cannot be kept", "reserve.min", "keep_free of 512MiB", "8332754944 bytes",
                                   "8332754943 bytes", "1B too much"});
}

TEST(Ledger, AnErrorNamesWhoAsksForMost) {
    std::vector<ServicePolicy> services{reserved("small", size(64_MiB), std::nullopt)};
    for (const auto* name : {"a", "b", "c", "d"})
        services.push_back(reserved(name, size(1_GiB), std::nullopt));
    services.push_back(reserved("database", size(3_GiB), std::nullopt));
    const auto error = add_up(policy_of(services), kServer, {{"database", 2, kUnlimited}}).error;
    expect_in_order(error, {"reserve.min of 10.1GiB (database 2 x 3GiB, a 1GiB, b 1GiB, c 1GiB and 2 more)",
                            "keep_free of 512MiB", "the host has 7.76GiB"});
}

TEST(Ledger, LowCountsAtLeastItsMin) {
    const auto policy =
        policy_of({reserved("a", size(3_GiB), std::nullopt), reserved("b", std::nullopt, size(5_GiB))});
    const auto ledger = add_up(policy, kServer);
    EXPECT_EQ(ledger.sum_min, 3_GiB);
    EXPECT_EQ(ledger.sum_low, 8_GiB);
    expect_in_order(ledger.error, {"reserve.low of 8GiB (b 5GiB, a 3GiB)", "come to 8.5GiB"});
}

TEST(Ledger, PercentagesAreOfTheHost) {
    auto policy = policy_of({reserved("db", percent(50), percent(60))}, Bytes{});
    policy.host.keep_free = percent(10);
    const auto ledger = add_up(policy, 10_GiB);
    EXPECT_EQ(ledger.keep_free, 1_GiB);
    EXPECT_EQ(ledger.sum_min, 5_GiB);
    EXPECT_EQ(ledger.sum_low, 6_GiB);
    EXPECT_EQ(ledger.error, "");
    policy.services[0].memory.hard = size(5632_MiB);
    expect_in_order(add_up(policy, 10_GiB).error,
                    {"reserve.low of db comes to 6GiB", "hard limit of 5.5GiB"});
    EXPECT_EQ(add_up(policy, 9_GiB).error, "") << "on a smaller host the same policy fits";
}

TEST(Ledger, KeepFreeAloneCanBeTooMuch) {
    expect_in_order(add_up(policy_of({}, 16_GiB), kServer).error,
                    {"host.keep_free of 16GiB cannot be kept", "7.76GiB"});
}

TEST(Ledger, OverCommittedHardLimitsAreAWarningWithTheWorstCase) {
    const auto policy = policy_of({limited("coach", 4_GiB), limited("worker", 3_GiB),
                                   reserved("db", size(512_MiB), size(1_GiB)),
                                   reserved("cache", std::nullopt, std::nullopt)});
    const auto ledger = add_up(policy, kServer);
    EXPECT_EQ(ledger.error, "");
    EXPECT_EQ(ledger.worst, 8_GiB + 512_MiB);
    expect_in_order(ledger.warning, {"hard limits of 7GiB", "reservations without a hard limit of 1GiB",
                                     "keep_free of 512MiB", "come to 8.5GiB", "the host has 7.76GiB",
                                     "757.3MiB is missing", "without any limit: db, cache"});
    EXPECT_EQ(add_up(policy, 8_GiB + 512_MiB).warning, "");
    EXPECT_NE(add_up(policy, 8_GiB + 511_MiB).warning, "");
}

TEST(Ledger, AReserveBelowAHardLimitIsNotCountedTwice) {
    auto service = reserved("db", size(1_GiB), size(2_GiB));
    service.memory.hard = size(3_GiB);
    EXPECT_EQ(add_up(policy_of({service}), kServer).worst, 3_GiB + 512_MiB);
}

TEST(Ledger, HugeSumsDoNotStartAgainAtZero) {
    const Bytes huge{std::uint64_t{1} << 62U};
    std::vector<ServicePolicy> services;
    for (const auto* name : {"a", "b", "c", "d", "e"}) {
        services.push_back(reserved(name, size(huge), std::nullopt));
        services.back().memory.hard = size(huge);
    }
    const auto ledger = add_up(policy_of(services), kServer, {{"a", 1 << 30, kUnlimited}});
    EXPECT_GT(ledger.sum_min, huge);
    EXPECT_NE(ledger.error, "");
    EXPECT_NE(ledger.warning, "");
}

TEST(Ledger, WithoutPromisesThereIsNothingToSay) {
    const auto ledger = add_up(policy_of({}, Bytes{}), kServer);
    EXPECT_TRUE(ledger.lines.empty());
    EXPECT_EQ(ledger.error + ledger.warning, "");
}

}  // namespace
}  // namespace policies::testing
