// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/annotate.hpp"

#include "governor/app.hpp"
#include "governor/cli/cli.hpp"
#include "tests/support/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace governor::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kCompose = "services:\n  coach:\n    image: x\n";
constexpr const char* kAnnotated =
    "services:\n  coach:\n    image: x\n    mem_limit: 1g\n    annotations:\n"
    "      org.systemd.property.MemoryHigh: \"uint64 966367641\"\n";

struct Said {
    int code = 0;
    std::string out;
    std::string err;
    nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

/// A folder with a policy and a Compose file.
class AnnotateCommand : public testing::Test {
  protected:
    AnnotateCommand() {
        tree_.file("policies/coach.yaml",
                   "version: 1\nservices:\n  coach:\n    match: { service: coach }\n"
                   "    memory: { hard: 1GiB }\n    near_oom: {}\n");
        tree_.file("My Stack/compose.yaml", kCompose);
    }

    std::string compose() const { return tree_.path("My Stack/compose.yaml"); }

    Said say(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"annotate", "--policy", tree_.path("policies")});
        std::ostringstream out;
        std::ostringstream err;
        Said said;
        said.code = run_command_line(std::move(arguments), Console{out, err, false});
        said.out = out.str();
        said.err = err.str();
        return said;
    }

    TempTree tree_;
};

TEST_F(AnnotateCommand, PrintsTheFileAndLeavesItAsItIs) {
    const auto said = say({compose()});
    EXPECT_EQ(said.code, kGood);
    EXPECT_EQ(said.out, kAnnotated);
    EXPECT_THAT(said.err, HasSubstr("only a running governor"));
    EXPECT_EQ(tree_.text("My Stack/compose.yaml"), kCompose);
}

TEST_F(AnnotateCommand, WritesItWhereItIsTold) {
    const auto said = say({compose(), "-o", compose()});
    EXPECT_EQ(said.code, kGood);
    EXPECT_THAT(said.out, IsEmpty());
    EXPECT_EQ(tree_.text("My Stack/compose.yaml"), kAnnotated);
    EXPECT_EQ(say({compose(), "--output", compose()}).code, kGood);
    EXPECT_EQ(tree_.text("My Stack/compose.yaml"), kAnnotated) << "again changes nothing";
    const auto nowhere = say({compose(), "-o", tree_.path("none/compose.yaml")});
    EXPECT_EQ(nowhere.code, kProblems);
    EXPECT_THAT(nowhere.err, HasSubstr("none/compose.yaml"));
}

TEST_F(AnnotateCommand, CheckSaysWhatDiffersAndIsGoodAfterwards) {
    const auto before = say({compose(), "--check"});
    EXPECT_EQ(before.code, kProblems);
    EXPECT_THAT(before.out,
                HasSubstr("compose.yaml:2:3: service 'coach': "
                          "annotations.org.systemd.property.MemoryHigh is missing, policy 'coach' wants "
                          "\"uint64 966367641\""));
    EXPECT_THAT(before.out, HasSubstr("mem_limit is missing"));
    tree_.file("My Stack/compose.yaml", kAnnotated);
    const auto after = say({compose(), "--check"});
    EXPECT_EQ(after.code, kGood);
    EXPECT_EQ(after.out, "good: 1 service is as the policies say\n");
}

TEST_F(AnnotateCommand, CheckAnswersInJson) {
    tree_.file("My Stack/compose.yaml", "services:\n  coach:\n    image: x\n    mem_limit: 2g\n");
    const auto said = say({compose(), "--check", "--json"});
    EXPECT_EQ(said.code, kProblems);
    const auto json = said.json();
    EXPECT_EQ(json["good"], false);
    EXPECT_EQ(json["services"], 1);
    ASSERT_EQ(json["differences"].size(), 2U);
    EXPECT_EQ(json["differences"][0]["key"], "annotations.org.systemd.property.MemoryHigh");
    EXPECT_TRUE(json["differences"][0]["found"].is_null());
    EXPECT_EQ(json["differences"][1]["key"], "mem_limit");
    EXPECT_EQ(json["differences"][1]["found"], "2g");
    EXPECT_EQ(json["differences"][1]["wanted"], "1g");
    EXPECT_EQ(json["differences"][1]["by_hand"], true);
    EXPECT_FALSE(json.contains("compose"));
    EXPECT_EQ(say({compose(), "--json"}).json()["compose"].get<std::string>().substr(0, 10), "services:\n");
}

TEST_F(AnnotateCommand, WhatCannotBeUsedIsAProblemAndPrintsNoFile) {
    EXPECT_EQ(say({tree_.path("none.yaml")}).code, kProblems);
    EXPECT_EQ(say({tree_.path()}).code, kProblems);
    EXPECT_EQ(say({"/dev/zero"}).code, kProblems);
    tree_.file("My Stack/compose.yaml", "services:\n  coach: { image: x }\n");
    const auto flow = say({compose()});
    EXPECT_EQ(flow.code, kProblems);
    EXPECT_THAT(flow.out, IsEmpty());
    EXPECT_THAT(flow.err, HasSubstr("compose.yaml:2:10: error:"));
    const auto json = say({compose(), "--check", "--json"});
    EXPECT_EQ(json.code, kProblems);
    EXPECT_EQ(json.json()["diagnostics"][0]["line"], 2);
    tree_.file("policies/coach.yaml", "version: 1\nservices: nonsense\n");
    const auto policy = say({compose(), "--json"});
    EXPECT_EQ(policy.code, kProblems);
    EXPECT_THAT(policy.err, HasSubstr("coach.yaml:2"));
    EXPECT_TRUE(policy.json().contains("error"));
}

TEST_F(AnnotateCommand, WrongUseIsTwo) {
    EXPECT_EQ(say({}).code, kWrongUse);
    EXPECT_EQ(say({compose(), "--check", "--output", tree_.path("x")}).code, kWrongUse);
    const auto memory = say({compose(), "--host-memory", "much"});
    EXPECT_EQ(memory.code, kWrongUse);
    EXPECT_THAT(memory.err, HasSubstr("--host-memory: 'much'"));
}

TEST_F(AnnotateCommand, TheProjectIsNamedAfterItsFolderAsComposeDoes) {
    tree_.file(
        "policies/coach.yaml",
        "version: 1\nservices:\n  coach:\n    match: { project: mystack }\n    memory: { hard: 1GiB }\n");
    EXPECT_THAT(say({compose()}).out, HasSubstr("mem_limit: 1g"));
    const auto other = say({compose(), "--project", "other"});
    EXPECT_EQ(other.out, kCompose);
    EXPECT_THAT(other.err, HasSubstr("no policy matches"));
}

}  // namespace
}  // namespace governor::cli
