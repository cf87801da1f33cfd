// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/shared_text.hpp"

#include <gtest/gtest.h>

#include <map>

namespace cgroups {
namespace {

TEST(SharedText, ACopyIsTheSameText) {
    const SharedText path = std::string(100, 'p');
    const SharedText copy = path;
    EXPECT_EQ(&copy.str(), &path.str()) << "not a second one";
    EXPECT_EQ(copy, path);
}

TEST(SharedText, IsComparedByValue) {
    const SharedText a("a");
    EXPECT_EQ(a, SharedText(std::string("a")));
    EXPECT_EQ(a, "a");
    EXPECT_NE(a, std::string("b"));
    EXPECT_LT(a, SharedText("b"));
    EXPECT_EQ(SharedText(), "");
    EXPECT_TRUE(SharedText().empty());
}

TEST(SharedText, IsAKeyThatAPlainStringFinds) {
    std::map<SharedText, int, std::less<>> map{{"a", 1}, {"b", 2}};
    EXPECT_EQ(map.find(std::string("b"))->second, 2);
    EXPECT_FALSE(map.contains(std::string("c")));
}

}  // namespace
}  // namespace cgroups
