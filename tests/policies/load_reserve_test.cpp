// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

// `host`, `reserve`, `priority` and `oom_score_adj`: what is set aside, and who gives way.
namespace policies::testing {
namespace {

/// For a mistake below the match of the one service, which is line 4.
void expect_in_worker(const std::string& lines, std::string_view part, int line = 5) {
    expect_error(matched_worker(lines), part, line);
}

/// For a mistake in a `host` in line 2; the service below is good.
void expect_in_host(const std::string& host, std::string_view part) {
    expect_error("version: 1\nhost: " + host + "\nservices: { a: { match: { service: a } } }\n", part, 2);
}

std::string host_file(const std::string& host) {
    return "version: 1\nhost: " + host + "\n";
}

constexpr const char* kEverything = R"(
version: 1
host:
  keep_free: 512MiB
  pressure: { full: 10%, over: 4s }
services:
  coach:
    match: { service: coach }
    memory: { hard: 2GiB, oom_score_adj: 500 }
    priority: 10
    near_oom: {}
  database:
    match: { service: [postgres, redis] }
    reserve: { min: 1GiB, low: 20%, oom_score_adj: -900, swap: 0 }
    never: [freeze, restart, kill]
)";

TEST(LoadReserve, ReadsEveryKey) {
    const auto result = load_text(kEverything);
    ASSERT_TRUE(result.policy) << all_of(result);
    EXPECT_EQ(all_of(result), "");
    const auto& host = result.policy->host;
    EXPECT_EQ(host.keep_free->bytes, 512_MiB);
    EXPECT_EQ(host.pressure,
              (HostPressure{.full = true, .share = Permille{100}, .over = milliseconds(4000)}));
    const auto& coach = result.policy->services.at(0);
    EXPECT_EQ(coach.memory.oom_score_adj, 500);
    EXPECT_EQ(coach.priority, 10);
    EXPECT_FALSE(coach.reserve);
    const auto& database = result.policy->services.at(1);
    ASSERT_TRUE(database.reserve);
    EXPECT_EQ(database.reserve->min->bytes, 1_GiB);
    EXPECT_EQ(database.reserve->low, percent(20));
    EXPECT_EQ(database.reserve->oom_score_adj, -900);
    EXPECT_EQ(database.reserve->swap, Size{});
    EXPECT_FALSE(database.priority);
}

TEST(LoadReserve, NothingIsReservedUnlessWritten) {
    const auto result = load_text(matched_worker(""));
    ASSERT_TRUE(result.policy);
    EXPECT_EQ(result.policy->host, Host{});
    EXPECT_FALSE(result.policy->services[0].reserve);
    EXPECT_FALSE(result.policy->services[0].priority);
}

TEST(LoadReserve, TakesPercentagesOfTheHostAndTheOtherPressure) {
    const auto result = load_text(host_file("{ keep_free: 6.5%, pressure: { some: 40% } }"));
    ASSERT_TRUE(result.policy) << all_of(result);
    EXPECT_EQ(result.policy->host.keep_free->of(8_GiB), share_of(8_GiB, Permille{65}));
    EXPECT_FALSE(result.policy->host.pressure->full);
    EXPECT_EQ(result.policy->host.pressure->over, milliseconds(2000));
}

TEST(LoadReserve, AllowsAReserveOnAServiceThatActs) {
    const auto result = load_text(matched_worker("    near_oom: {}\n    reserve: { min: 64MiB }\n"));
    EXPECT_TRUE(result.policy);
    EXPECT_EQ(all_of(result), "");
}

TEST(LoadReserve, ChecksTheHost) {
    expect_in_host("{}", "'host' is empty");
    expect_in_host("5", "keys and values belong here");
    expect_in_host("{ keep_fre: 1g }", "did you mean 'keep_free'?");
    expect_in_host("{ keep_free: 0 }", "'0' must be more than 0");
    expect_in_host("{ keep_free: 100% }", "keep_free at 100% of the host's memory leaves nothing");
    expect_in_host("{ pressure: {} }", "neither 'some' nor 'full'");
    expect_in_host("{ pressure: { some: 5%, full: 5% } }", "both 'some' and 'full'");
    expect_in_host("{ pressure: { full: 0% } }", "'0%' must be more than 0% and at most 100%");
    expect_in_host("{ pressure: { full: 101% } }", "'101%' must be more than 0% and at most 100%");
    expect_in_host("{ pressure: { full: 10%, over: 499ms } }",
                   "pressure over 499ms cannot be watched: the kernel's windows are from 500ms to 10s");
    expect_in_host("{ pressure: { full: 10%, over: 10.001s } }", "pressure over 10.001s cannot be watched");
    for (const std::string window : {"500ms", "10s"})
        EXPECT_TRUE(load_text(host_file("{ pressure: { full: 10%, over: " + window + " } }")).policy);
}

TEST(LoadReserve, ThereIsOneHost) {
    const auto a = matched_worker("host: { keep_free: 1GiB, pressure: { full: 10% } }\n");
    const auto differs = load({{"a.yaml", a}, {"b.yaml", host_file("{ keep_free: 2GiB }")}}, no_environment);
    EXPECT_FALSE(differs.policy);
    ASSERT_EQ(differs.diagnostics.size(), 1U) << all_of(differs);
    EXPECT_EQ(differs.diagnostics[0].file, "b.yaml");
    EXPECT_EQ(differs.diagnostics[0].line, 2);
    EXPECT_EQ(differs.diagnostics[0].column, 7);
    EXPECT_EQ(
        differs.diagnostics[0].message,
        "'host' (keep_free 2GiB, pressure absent) is given in another way at a.yaml:5:7 (keep_free 1GiB, "
        "pressure full 10% over 2s)");

    const auto same =
        load({{"a.yaml", a}, {"b.yaml", host_file("{ pressure: { full: 10%, over: 2s }, keep_free: 1g }")}},
             no_environment);
    ASSERT_TRUE(same.policy) << all_of(same);
    EXPECT_EQ(same.policy->host.keep_free->bytes, 1_GiB);
    EXPECT_EQ(same.policy->services.size(), 1U);
}

TEST(LoadReserve, ChecksMinAndLow) {
    expect_in_worker("    reserve: {}\n", "'reserve' is empty: nothing is set aside");
    expect_in_worker("    reserve: 1GiB\n", "keys and values belong here");
    expect_in_worker("    reserve: { min: 0 }\n", "'0' must be more than 0");
    expect_in_worker("    reserve: { min: 1GiB, low: 512MiB }\n", "'low' of 512MiB is below 'min' of 1GiB");
    expect_in_worker("    reserve: { min: 20%, low: 10% }\n", "'low' of 10% is below 'min' of 20%");
    expect_in_worker("    reserve: { min: 1073741825, low: 1GiB }\n",
                     "'low' of 1073741824 bytes is below 'min' of 1073741825 bytes");
    expect_in_worker("    reserve: { min: 120% }\n", "120% is more than the host has");
    EXPECT_TRUE(load_text(matched_worker("    reserve: { min: 1GiB, low: 1GiB }\n")).policy);
    const auto result = load_text(matched_worker("    reserve: { min: 1GiB, low: 512MiB }\n"));
    EXPECT_EQ(result.diagnostics.at(0).column, 32) << all_of(result);
}

TEST(LoadReserve, HoldsReservesAgainstTheHardLimit) {
    expect_in_worker("    memory: { hard: 2GiB }\n    reserve: { min: 3GiB }\n",
                     "'min' of 3GiB is above the hard limit of 2GiB", 6);
    expect_in_worker("    memory: { hard: 2GiB }\n    reserve: { min: 1GiB, low: 3GiB }\n",
                     "'low' of 3GiB is above the hard limit of 2GiB", 6);
    EXPECT_TRUE(load_text(matched_worker("    memory: { hard: 2GiB }\n    reserve: { min: 2GiB }\n")).policy);
}

TEST(LoadReserve, LetsSwapBeSaidOneWay) {
    const auto swap = [](const std::string& memory, const std::string& reserve) {
        return "    memory: { hard: 1GiB, swap: " + memory + " }\n    reserve: { swap: " + reserve + " }\n";
    };
    expect_in_worker(
        swap("0", "256MiB"),
        "a reserve of 256MiB swap on a service with swap forbidden: memory.swap is 0B at policy.yaml:5:33",
        6);
    expect_in_worker(swap("0%", "5%"), "a reserve of 5% swap on a service with swap forbidden", 6);
    expect_in_worker(swap("128MiB", "256MiB"),
                     "'swap' is 256MiB here and 128MiB in 'memory' at policy.yaml:5:33", 6);
    expect_in_worker(swap("128MiB", "0"), "'swap' is 0B here and 128MiB in 'memory'", 6);
    expect_in_worker(swap("10%", "10%"), "'swap' is 10% here and 10% in 'memory'", 6);
    for (const auto& good : {swap("0", "0"), swap("50%", "512MiB"), swap("0%", "0")})
        EXPECT_TRUE(load_text(matched_worker(good)).policy) << good;
}

TEST(LoadReserve, ChecksOomScores) {
    expect_in_worker("    reserve: { oom_score_adj: -1001 }\n", "a whole number from -1000 to 1000");
    expect_in_worker("    memory: { oom_score_adj: 1001 }\n", "'1001' is out of range");
    expect_in_worker("    memory: { oom_score_adj: high }\n", "'high' is not a whole number");
    expect_in_worker("    memory: { oom_score_adj: 100 }\n    reserve: { oom_score_adj: -900 }\n",
                     "oom_score_adj is given twice: -900 here, 100 in 'memory' at policy.yaml:5:30", 6);
}

TEST(LoadReserve, OnlyWhoCanBeRestartedHasAPriority) {
    expect_in_worker("    priority: 1001\n    near_oom: {}\n", "a whole number from 0 to 1000");
    expect_in_worker("    priority: -1\n    near_oom: {}\n", "a whole number from 0 to 1000");
    expect_in_worker("    priority: 10\n    never: [freeze]\n", "priority 10 on a service with 'never'");
    expect_in_worker("    priority: 10\n", "without near_oom: it could not be restarted gracefully");
    expect_in_worker("    priority: 10\n    near_oom: { do: notify }\n",
                     "whose near_oom only notifies: it could not be restarted gracefully");
    EXPECT_TRUE(load_text(matched_worker("    priority: 0\n    near_oom: { do: kill }\n")).policy);
}

TEST(LoadReserve, WarnsOfPrioritiesThatDoNothingOrContradict) {
    const std::string worker = "    priority: 10\n    near_oom: {}\n";
    const auto alone = load_text(matched_worker(worker));
    ASSERT_TRUE(alone.policy);
    ASSERT_EQ(alone.diagnostics.size(), 1U) << all_of(alone);
    EXPECT_EQ(alone.diagnostics[0].line, 5);
    EXPECT_NE(find(alone, "priority 10 has no effect: no file says with 'host'"), nullptr);

    const auto in_two = load(
        {{"a.yaml", matched_worker(worker)}, {"host.yaml", host_file("{ keep_free: 1g }")}}, no_environment);
    ASSERT_TRUE(in_two.policy);
    EXPECT_EQ(all_of(in_two), "");

    const auto reserved =
        load_text(matched_worker(worker + "    reserve: { min: 1g }\nhost: { keep_free: 1g }\n"));
    ASSERT_TRUE(reserved.policy);
    EXPECT_NE(find(reserved, "priority 10 on a service with a reserve"), nullptr) << all_of(reserved);
}

TEST(LoadReserve, SaysWhereAMisplacedKeyBelongs) {
    expect_in_worker("    keep_free: 1GiB\n", "'keep_free' belongs to host");
    expect_in_worker("    memory: { min: 1GiB }\n", "'min' belongs to services.<name>.reserve");
    expect_in_worker("    reserve: { priority: 1 }\n", "'priority' belongs to services.<name>");
}

TEST(LoadReserve, ReportsEveryContradictionOfOneServiceAtOnce) {
    const auto result =
        load_text(matched_worker("    memory: { hard: 1GiB, swap: 0, oom_score_adj: 5 }\n"
                                 "    reserve: { min: 2GiB, low: 1GiB, swap: 1GiB, oom_score_adj: -5 }\n"
                                 "    priority: 3\n"));
    EXPECT_EQ(count(result, Severity::kError), 5U) << all_of(result);
}

}  // namespace
}  // namespace policies::testing
