// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/policy_files.hpp"

#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

namespace governor {
namespace {

constexpr const char* kPolicy = "version: 1\nservices:\n  NAME:\n    match: { service: NAME }\n";

std::string policy(std::string name) {
    std::string text = kPolicy;
    for (std::size_t at = text.find("NAME"); at != std::string::npos; at = text.find("NAME"))
        text.replace(at, 4, name);
    return text;
}

TEST(PolicyFiles, ReadsAFolderInTheOrderOfItsNamesAndNothingElse) {
    TempTree tree;
    tree.file("20-b.yml", policy("b"));
    tree.file("10-a.yaml", policy("a"));
    tree.file("README", "not a policy");
    const auto loaded = load_policy_files({tree.path()});
    ASSERT_TRUE(loaded.policy);
    ASSERT_EQ(loaded.policy->services.size(), 2U);
    EXPECT_EQ(loaded.policy->services[0].name, "a");
}

TEST(PolicyFiles, NamesWhatIsMissing) {
    const auto loaded = load_policy_files({"/nonexistent/policy.yaml"});
    EXPECT_FALSE(loaded.policy);
    ASSERT_EQ(loaded.diagnostics.size(), 1U);
    EXPECT_EQ(loaded.diagnostics[0].file, "/nonexistent/policy.yaml");
    EXPECT_FALSE(loaded.diagnostics[0].hint.empty());
}

TEST(PolicyFiles, AnEmptyFolderIsAMistake) {
    TempTree tree;
    EXPECT_FALSE(load_policy_files({tree.path()}).policy);
}

TEST(PolicyFiles, HalfOfWhatWasAskedForIsNotAPolicy) {
    TempTree tree;
    tree.file("good.yaml", policy("a"));
    EXPECT_FALSE(load_policy_files({tree.path("good.yaml"), tree.path("missing.yaml")}).policy);
}

TEST(PolicyFiles, TenMegabytesOfNoiseAreRefused) {
    TempTree tree;
    tree.file("noise.yaml", std::string(10U << 20U, '\xfe'));
    const auto loaded = load_policy_files({tree.path("noise.yaml")});
    EXPECT_FALSE(loaded.policy);
    EXPECT_FALSE(loaded.diagnostics.empty());
}

}  // namespace
}  // namespace governor
