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
    EXPECT_EQ(say({"events", "--since", "abc"}).code, kWrongUse);
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

TEST(Doctor, WithoutDockerIsThree) {
    const TempTree tree;
    tree.file("redis.yaml", kGoodPolicy);
    const auto said = say({"doctor", "--json", "--docker-socket", tree.path("docker.sock"), "--socket",
                           tree.path("governor.sock"), "--policy", tree.path()});
    EXPECT_EQ(said.code, kUnreachable);
    EXPECT_GE(said.json()["fail"], 1);
}

}  // namespace
}  // namespace governor::cli
