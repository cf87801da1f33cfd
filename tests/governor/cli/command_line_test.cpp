// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/app.hpp"
#include "governor/cli/cli.hpp"
#include "tests/support/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace governor::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kGoodPolicy =
    "version: 1\nservices:\n  redis:\n    match: { service: redis }\n    memory: { hard: 1GiB }\n";

struct Said {
    int code = 0;
    std::string out;
    std::string err;
    nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

Said say(std::vector<std::string> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    Said said;
    said.code = run_command_line(std::move(arguments), Console{out, err, false});
    said.out = out.str();
    said.err = err.str();
    return said;
}

TEST(CommandLine, WrongUseIsTwo) {
    EXPECT_EQ(say({}).code, kWrongUse);
    EXPECT_EQ(say({"nonsense"}).code, kWrongUse);
    EXPECT_EQ(say({"status", "extra"}).code, kWrongUse);
    EXPECT_EQ(say({"explain"}).code, kWrongUse);
    EXPECT_EQ(say({"release"}).code, kWrongUse);
    for (const char* time : {"abc", "-1", "2026-02-30T00:00:00Z", "10x", "1777601647123"}) {
        EXPECT_EQ(say({"events", "--since", time}).code, kWrongUse) << time;
        EXPECT_EQ(say({"events", "--until", time}).code, kWrongUse) << time;
    }
    EXPECT_THAT(say({"events", "--since", "1777601647123"}).err, HasSubstr("--after"));
    EXPECT_EQ(say({"events", "--after", "x"}).code, kWrongUse);
    EXPECT_EQ(say({"events", "--follow", "--until", "10m"}).code, kWrongUse);
    for (const char* keep : {"x", "30", "1s", "-1d"})
        EXPECT_EQ(say({"run", "--journal-keep", keep}).code, kWrongUse) << keep;
    for (const char* size : {"x", "1KiB", "-1", "90%"})
        EXPECT_EQ(say({"run", "--journal-size", size}).code, kWrongUse) << size;
    EXPECT_EQ(say({"run", "--log-format", "xml"}).code, kWrongUse);
    EXPECT_EQ(say({"run", "--metrics-listen", "localhost"}).code, kWrongUse);
    EXPECT_EQ(say({"run", "--dbus", "perhaps"}).code, kWrongUse);
    EXPECT_EQ(say({"guardian"}).code, kWrongUse);
}

TEST(CommandLine, HelpIsGoodAndHidesTheGuardian) {
    const auto help = say({"--help"});
    EXPECT_EQ(help.code, kGood);
    EXPECT_THAT(help.out, HasSubstr("doctor"));
    EXPECT_THAT(help.out, HasSubstr("Exit codes"));
    EXPECT_THAT(help.out, testing::Not(HasSubstr("guardian")));
    EXPECT_EQ(say({"events", "--help"}).code, kGood);
}

TEST(CommandLine, VersionAndSchema) {
    EXPECT_EQ(say({"version"}).out, "governor " GOVERNOR_VERSION "\n");
    EXPECT_EQ(say({"version", "--json"}).json()["version"], GOVERNOR_VERSION);
    EXPECT_TRUE(say({"schema"}).json().is_object());
    EXPECT_TRUE(say({"schema", "--event"}).json()["properties"].contains("verdict"));
}

TEST(CommandLine, UnreachableDaemonIsThree) {
    const TempTree tree;
    const auto socket = tree.path("none.sock");
    for (const auto& command : std::vector<std::vector<std::string>>{{"status"},
                                                                     {"events"},
                                                                     {"events", "--follow"},
                                                                     {"explain", "x"},
                                                                     {"release", "x"},
                                                                     {"reload"}}) {
        auto arguments = command;
        arguments.insert(arguments.end(), {"--socket", socket, "--json"});
        const auto said = say(arguments);
        EXPECT_EQ(said.code, kUnreachable) << command.front();
        EXPECT_THAT(said.err, HasSubstr("no such socket"));
        EXPECT_TRUE(said.json().contains("error"));
    }
}

TEST(Check, AGoodFileIsGood) {
    const TempTree tree;
    tree.file("redis.yaml", kGoodPolicy);
    const auto said = say({"check", tree.path()});
    EXPECT_EQ(said.code, kGood) << said.out;
    EXPECT_EQ(said.out, "good: 1 policy (redis)\n");
    const auto json = say({"check", "--json", tree.path("redis.yaml")}).json();
    EXPECT_EQ(json["good"], true);
    EXPECT_EQ(json["services"], nlohmann::json::array({"redis"}));
}

TEST(Check, SaysWhatIsWrongAndWhere) {
    const TempTree tree;
    tree.file("a.yaml", "version: 1\nservices:\n  redis:\n    memori: { hard: 1GiB }\n");
    const auto said = say({"check", tree.path("a.yaml")});
    EXPECT_EQ(said.code, kProblems);
    EXPECT_THAT(said.out, HasSubstr("a.yaml:4:5"));
    const auto json = say({"check", "--json", tree.path("a.yaml")}).json();
    EXPECT_EQ(json["good"], false);
    EXPECT_GE(json["errors"], 1);
    EXPECT_EQ(json["diagnostics"][0]["line"], 4);
}

TEST(Check, MissingHugeAndEmptyPlacesAreErrors) {
    const TempTree tree;
    tree.folder("empty");
    tree.file("huge.yaml", std::string(10U << 20U, 'x'));
    EXPECT_EQ(say({"check", tree.path("none.yaml")}).code, kProblems);
    EXPECT_EQ(say({"check", tree.path("empty")}).code, kProblems);
    const auto huge = say({"check", tree.path("huge.yaml")});
    EXPECT_EQ(huge.code, kProblems);
    EXPECT_LT(huge.out.size(), 1000U);
}

/// A host with this much memory, and policies that want to reserve 1 GiB and to keep 512 MiB free.
Said check_on_host(std::uint64_t kilobytes, bool json) {
    const TempTree tree;
    tree.file("proc/meminfo", "MemTotal:       " + std::to_string(kilobytes) + " kB\n");
    tree.file("policy.yaml",
              "version: 1\nhost: { keep_free: 512MiB }\nservices:\n"
              "  coach:\n    match: { service: coach }\n    memory: { hard: 2GiB }\n"
              "  database:\n    match: { service: postgres }\n    reserve: { min: 1GiB, low: 1536MiB }\n");
    std::vector<std::string> arguments{"check", "--host", "--proc", tree.path("proc"),
                                       tree.path("policy.yaml")};
    if (json) arguments.emplace_back("--json");
    return say(arguments);
}

TEST(CheckHost, ShowsTheSumLineByLine) {
    const auto said = check_on_host(8U << 20U, false);
    EXPECT_EQ(said.code, kGood);
    EXPECT_EQ(said.out,
              "SERVICE         CONTAINERS  HARD EACH     MIN     LOW  WORST CASE\n"
              "coach                    1       2GiB       -       -        2GiB\n"
              "database                 1   no limit    1GiB  1.5GiB      1.5GiB\n"
              "host.keep_free                         512MiB  512MiB      512MiB\n"
              "sum                                    1.5GiB    2GiB        4GiB\n"
              "host                                     8GiB    8GiB        8GiB\n"
              "left                                   6.5GiB    6GiB        4GiB\n"
              "\n"
              "no hard limit: database; counted with what is reserved, but free to take all that is left\n"
              "\n"
              "Each policy is counted as one container; governor doctor counts those that run.\n"
              "\n"
              "good: 2 policies (coach, database)\n");
}

TEST(CheckHost, WhatCannotBeKeptIsAProblem) {
    const auto said = check_on_host(1U << 20U, false);
    EXPECT_EQ(said.code, kProblems);
    EXPECT_THAT(said.out, HasSubstr("left                                   -512MiB   -1GiB       -3GiB\n"));
    EXPECT_THAT(said.out,
                HasSubstr("error: the reservations cannot be kept: reserve.min of 1GiB (database 1GiB)"));
    EXPECT_THAT(said.out, HasSubstr("not usable: 1 error, 1 warning\n"));
    const auto json = check_on_host(1U << 20U, true).json();
    EXPECT_EQ(json["good"], false);
    EXPECT_EQ(json["errors"], 1);
    EXPECT_THAT(json["ledger"]["error"].get<std::string>(), HasSubstr("cannot be kept"));
}

TEST(CheckHost, OverCommittedLimitsAreAWarning) {
    const auto said = check_on_host(3U << 20U, true);
    EXPECT_EQ(said.code, kGood);
    const auto ledger = said.json()["ledger"];
    EXPECT_THAT(ledger["warning"].get<std::string>(),
                HasSubstr("come to 4GiB, and the host has 3GiB: 1GiB is missing"));
    EXPECT_EQ(ledger["host"], 3ULL << 30U);
    EXPECT_EQ(ledger["worst_case"], 4ULL << 30U);
    EXPECT_EQ(ledger["lines"][0]["hard"], 2ULL << 30U);
    EXPECT_EQ(ledger["lines"][1]["hard"], nullptr);
    EXPECT_EQ(ledger["lines"][1]["low"], 1536U << 20U);
    EXPECT_EQ(ledger["unlimited"], nlohmann::json::array({"database"}));
    EXPECT_FALSE(ledger.contains("error"));
}

TEST(CheckHost, AHostThatCannotBeReadIsAProblem) {
    const TempTree tree;
    tree.file("redis.yaml", kGoodPolicy);
    const auto said = say({"check", "--host", "--proc", tree.path("none"), tree.path("redis.yaml")});
    EXPECT_EQ(said.code, kProblems);
    EXPECT_THAT(said.out, HasSubstr("none/meminfo: No such file"));
    const auto json =
        say({"check", "--host", "--json", "--proc", tree.path("none"), tree.path("redis.yaml")}).json();
    EXPECT_THAT(json["ledger"]["error"].get<std::string>(), HasSubstr("No such file"));
    EXPECT_EQ(json["good"], false);
}

TEST(CheckHost, BrokenFilesAreToldWithoutASum) {
    const TempTree tree;
    tree.file("a.yaml", "version: 1\nservices:\n  redis:\n    memori: { hard: 1GiB }\n");
    const auto said = say({"check", "--host", "--json", tree.path("a.yaml")});
    EXPECT_EQ(said.code, kProblems);
    EXPECT_FALSE(said.json().contains("ledger"));
}

TEST(Doctor, WithoutDockerIsThree) {
    const TempTree tree;
    tree.file("redis.yaml", kGoodPolicy);
    const auto said = say({"doctor", "--json", "--docker-socket", tree.path("docker.sock"), "--socket",
                           tree.path("governor.sock"), "--policy", tree.path()});
    EXPECT_EQ(said.code, kUnreachable);
    EXPECT_GE(said.json()["fail"], 1);
}

TEST(CommandLine, CheckWithAComposeFileNamesWhoSharesNamespaces) {
    TempTree tree;
    tree.file("policy.yaml",
              "version: 1\nservices:\n  app:\n    match: { service: app }\n    memory: { hard: 1GiB }\n"
              "    near_oom: {}\n");
    tree.file("compose.yaml",
              "services:\n  app: { image: x }\n  side: { image: x, network_mode: \"service:app\" }\n");
    const auto said = say({"check", "--compose", tree.path("compose.yaml"), tree.path("policy.yaml")});
    EXPECT_EQ(said.code, kGood) << "a warning is no error";
    EXPECT_THAT(said.out, HasSubstr("compose.yaml:3:"));
    EXPECT_THAT(said.out, HasSubstr("'side' shares the network namespace of 'app'"));
    EXPECT_EQ(say({"check", "--compose", tree.path("none.yaml"), tree.path("policy.yaml")}).code, kProblems);
}

}  // namespace
}  // namespace governor::cli
