// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/load.hpp"

#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

namespace policies::testing {
namespace {

using namespace std::chrono_literals;

ServicePolicy only_service(const LoadResult& result) {
    EXPECT_TRUE(result.policy.has_value()) << all_of(result);
    if (!result.policy || result.policy->services.size() != 1) return {};
    return result.policy->services.front();
}

constexpr const char* kEverything = R"(
version: 1
services:
  worker:
    match:
      project: [shop, "shop-*"]
      service: worker
      container: "shop-worker-?"
      labels: { tier: work* }
    memory: { hard: 2GiB, swap: 256m, tripwire: 1800MiB }
    near_oom:
      when: { all: [ { unreclaimable: 80% }, { current: 1700MiB }, { eta: 20s }, { pressure: { full: 2.5%, over: 10s } } ] }
      warn: { when: { unreclaimable: 70% }, exec: [ /app/shed, --now ], timeout: 3s, every: 2m }
      do: graceful_restart
      brake: { docker_timeout: 4s, hold_timeout: 500ms }
      drain: { grace: 45s, on_timeout: kill }
    restart:
      backoff: { from: 2s, to: 1m, reset_after: 1h }
      breaker: { restarts: 3, within: 5m, then: quarantine, cap: 80% }
)";

TEST(Load, ReadsEveryKey) {
    const auto service = only_service(load_text(kEverything));
    EXPECT_EQ(service.name, "worker");
    EXPECT_EQ(service.match.project, (std::vector<std::string>{"shop", "shop-*"}));
    EXPECT_EQ(service.match.service, (std::vector<std::string>{"worker"}));
    EXPECT_EQ(service.match.container, (std::vector<std::string>{"shop-worker-?"}));
    ASSERT_EQ(service.match.labels.size(), 1U);
    EXPECT_EQ(service.match.labels[0].second, "work*");
    EXPECT_EQ(service.memory.hard->bytes, 2_GiB);
    EXPECT_EQ(service.memory.swap->bytes, 256_MiB);
    EXPECT_EQ(service.memory.tripwire.bytes, 1800_MiB);
    EXPECT_EQ(service.restart.backoff.from, milliseconds(2000));
    EXPECT_EQ(service.restart.backoff.to, milliseconds(60'000));
    EXPECT_EQ(service.restart.backoff.reset_after, milliseconds(3'600'000));
    EXPECT_EQ(service.restart.breaker.restarts, 3);
    EXPECT_EQ(service.restart.breaker.within, milliseconds(300'000));
    EXPECT_EQ(service.restart.breaker.cap, percent(80));
}

TEST(Load, ReadsEveryKeyOfNearOom) {
    const auto service = only_service(load_text(kEverything));
    ASSERT_TRUE(service.near_oom);
    const auto& near_oom = *service.near_oom;
    EXPECT_EQ(near_oom.action, NearOomAction::kGracefulRestart);
    EXPECT_TRUE(near_oom.when.all);
    ASSERT_EQ(near_oom.when.terms.size(), 4U);
    EXPECT_EQ(near_oom.when.terms[0].size, percent(80));
    EXPECT_EQ(near_oom.when.terms[1].measure, Measure::kCurrent);
    EXPECT_EQ(near_oom.when.terms[2].duration, milliseconds(20'000));
    EXPECT_EQ(near_oom.when.terms[3].measure, Measure::kPressureFull);
    EXPECT_EQ(near_oom.when.terms[3].pressure, Permille{25});
    ASSERT_TRUE(near_oom.warn);
    EXPECT_EQ(std::get<ExecCall>(near_oom.warn->call).command,
              (std::vector<std::string>{"/app/shed", "--now"}));
    EXPECT_FALSE(near_oom.warn->when.all);
    EXPECT_EQ(near_oom.warn->timeout, milliseconds(3000));
    EXPECT_EQ(near_oom.warn->every, milliseconds(120'000));
    EXPECT_EQ(near_oom.brake.docker_timeout, milliseconds(4000));
    EXPECT_EQ(near_oom.brake.hold_timeout, milliseconds(500));
    EXPECT_EQ(near_oom.drain.grace, milliseconds(45'000));
}

TEST(Load, LeavesWhatIsNotWrittenAtItsDefault) {
    const auto service = only_service(load_text(matched_worker("    near_oom: {}\n")));
    EXPECT_EQ(service.memory, Memory{});
    EXPECT_EQ(service.restart, Restart{});
    ASSERT_TRUE(service.near_oom);
    EXPECT_EQ(*service.near_oom, NearOom{});
}

TEST(Load, OnlyWatchesWithoutNearOom) {
    EXPECT_FALSE(only_service(load_text(matched_worker("    never: [freeze, kill]\n"))).near_oom);
    const auto never = only_service(load_text(matched_worker("    never: [freeze, kill]\n"))).never;
    EXPECT_TRUE(never.freeze && never.kill && !never.restart);
}

TEST(Load, ReadsSignalsByNameAndNumber) {
    for (const auto& [written, number] : std::vector<std::pair<std::string, int>>{
             {"SIGUSR1", 10}, {"usr2", 12}, {"1", 1}, {"SIGRTMIN+3", 37}, {"RTMAX-1", 63}, {"RTMIN", 34}}) {
        const auto service = only_service(load_text(
            matched_worker("    near_oom: { warn: { when: { eta: 30s }, signal: " + written + " } }\n")));
        ASSERT_TRUE(service.near_oom && service.near_oom->warn) << written;
        EXPECT_EQ(std::get<SignalCall>(service.near_oom->warn->call).number, number) << written;
    }
}

TEST(Load, FillsInVariables) {
    const auto environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "HARD") return "3GiB";
        if (name == "EMPTY") return "";
        return std::nullopt;
    };
    const auto result = load_text(
        matched_worker(
            "    memory: { hard: \"${HARD}\", swap: \"${EMPTY:-1g}\", tripwire: \"${UNSET:-80%}\" }\n"
            "    near_oom:\n"
            "      warn: { when: { eta: 30s }, exec: [ echo, \"$$HOME\", \"x${HARD}y\" ] }\n"),
        environment);
    const auto service = only_service(result);
    EXPECT_EQ(service.memory.hard->bytes, 3_GiB);
    EXPECT_EQ(service.memory.swap->bytes, 1_GiB);
    EXPECT_EQ(service.memory.tripwire, percent(80));
    ASSERT_TRUE(service.near_oom && service.near_oom->warn);
    EXPECT_EQ(std::get<ExecCall>(service.near_oom->warn->call).command,
              (std::vector<std::string>{"echo", "$HOME", "x3GiBy"}));
}

TEST(Load, NeverLetsAVariableChangeTheStructure) {
    const auto environment = [](std::string_view) {
        return std::optional<std::string>("a\n    never: [kill]\n    x: {");
    };
    const auto service =
        only_service(load_text(worker("    match: { labels: { note: \"${NOTE}\" } }\n"), environment));
    ASSERT_EQ(service.match.labels.size(), 1U);
    EXPECT_EQ(service.match.labels[0].second, "a\n    never: [kill]\n    x: {");
    EXPECT_FALSE(service.never.any());
}

TEST(Load, RepeatsASectionThroughAnAlias) {
    const auto result = load_text(
        "version: 1\nservices:\n"
        "  a:\n    match: { service: a }\n    memory: &limits { hard: 1GiB, tripwire: 80% }\n"
        "  b:\n    match: { service: b }\n    memory: *limits\n");
    ASSERT_TRUE(result.policy) << all_of(result);
    EXPECT_EQ(result.policy->services[0].memory, result.policy->services[1].memory);
    EXPECT_EQ(result.policy->services[1].memory.hard->bytes, 1_GiB);
}

TEST(Load, MergesFilesInTheirOrder) {
    const auto file = [](const std::string& name) {
        return "version: 1\nservices:\n  " + name + ":\n    match: { service: " + name + " }\n";
    };
    const auto result = load({{"a.yaml", file("a")}, {"b.yaml", file("b")}}, no_environment);
    ASSERT_TRUE(result.policy) << all_of(result);
    ASSERT_EQ(result.policy->services.size(), 2U);
    EXPECT_EQ(result.policy->services[0].name, "a");
    EXPECT_EQ(result.policy->services[1].name, "b");
}

TEST(Load, ReadsWindowsLineEndsAndAByteOrderMark) {
    const auto result =
        load_text("\xEF\xBB\xBFversion: 1\r\nservices:\r\n  a:\r\n    match: { service: a }\r\n");
    EXPECT_TRUE(result.policy) << all_of(result);
}

TEST(Load, WarnsAndStillLoads) {
    const auto warns = [](const std::string& lines, std::string_view part) {
        const auto result = load_text(matched_worker(lines));
        EXPECT_TRUE(result.policy) << all_of(result);
        EXPECT_NE(find(result, part), nullptr) << part << "\n" << all_of(result);
        EXPECT_EQ(count(result, Severity::kWarning), 1U) << all_of(result);
    };
    warns("    memory: { hard: 2GiB, tripwire: 40% }\n",
          "the tripwire at 40% is below half of the hard limit of 2GiB");
    warns("    memory: { hard: 2GiB, tripwire: 500MiB }\n", "the tripwire at 500MiB is below half");
    warns("    restart: { backoff: { from: 1s } }\n", "'restart' has no effect: without near_oom");
    warns("    near_oom: { do: kill, brake: { hold_timeout: 1s } }\n", "'brake' has no effect with do: kill");
    warns("    memory: { tripwire: 70% }\n    near_oom: { when: { unreclaimable: 95% } }\n",
          "the threshold of 95% is above the tripwire at 70%");
    warns(
        "    near_oom: {}\n    restart: { backoff: { from: 5m, to: 1h }, breaker: { restarts: 5, within: 10m "
        "} }\n",
        "the breaker can hardly open: the back-off spreads 5 restarts over more than 10m");
}

TEST(Load, WarnsOfPoliciesThatMeet) {
    const auto result = load_text(
        "version: 1\nservices:\n"
        "  all:\n    match: { service: \"*\" }\n"
        "  one:\n    match: { project: shop, service: redis }\n"
        "  labelled:\n    match: { labels: { governor.policy: labelled } }\n");
    ASSERT_TRUE(result.policy) << all_of(result);
    ASSERT_EQ(result.diagnostics.size(), 1U) << all_of(result);
    EXPECT_EQ(result.diagnostics[0].line, 6);
    EXPECT_NE(result.diagnostics[0].message.find("both 'one' and 'all' at policy.yaml:4:12"),
              std::string::npos)
        << all_of(result);
}

TEST(Load, DoesNotWarnOfPoliciesThatCannotMeet) {
    const auto result = load_text(
        "version: 1\nservices:\n"
        "  a:\n    match: { project: shop, service: worker }\n"
        "  b:\n    match: { project: jobmate, service: worker }\n"
        "  c:\n    match: { project: shop, service: \"w*\", labels: { x: one } }\n");
    EXPECT_EQ(result.diagnostics.size(), 1U) << all_of(result);  // a and c
}

TEST(Load, ReadsADrainHook) {
    const auto hook_of = [](const std::string& inside) {
        const auto result = load_text(matched_worker("    near_oom: { drain_hook: { " + inside + " } }\n"));
        EXPECT_TRUE(result.policy) << all_of(result);
        EXPECT_EQ(result.diagnostics.size(), 0U) << all_of(result);
        return result.policy ? *result.policy->services[0].near_oom->drain_hook : DrainHook{};
    };
    EXPECT_EQ(hook_of("file: /dev/shm/..drain"),
              (DrainHook{.call = FileCall{"/dev/shm/..drain"}, .timeout = 1s, .settle = 2s}));
    EXPECT_EQ(hook_of("http: \"http://proxy:9000/out\", timeout: 3s, settle: 0s"),
              (DrainHook{.call = HttpCall{"http://proxy:9000/out"}, .timeout = 3s, .settle = 0s}));
    EXPECT_EQ(hook_of("exec: [ /app/drain, --now ], settle: 10s"),
              (DrainHook{.call = ExecCall{{"/app/drain", "--now"}}, .timeout = 1s, .settle = 10s}));
}

}  // namespace
}  // namespace policies::testing
