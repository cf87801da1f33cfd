// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/replace_file.hpp"

#include "tests/support/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace governor::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

std::size_t files_in(const TempTree& tree) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(tree.path()), fs::directory_iterator()));
}

TEST(ReplaceFile, WritesANewFileAndReplacesAnOldOne) {
    const TempTree tree;
    EXPECT_THAT(replace_file(tree.path("a.yaml"), "one\n"), IsEmpty());
    EXPECT_EQ(tree.text("a.yaml"), "one\n");
    EXPECT_THAT(replace_file(tree.path("a.yaml"), "two\n"), IsEmpty());
    EXPECT_EQ(tree.text("a.yaml"), "two\n");
    EXPECT_EQ(files_in(tree), 1U) << "nothing is left beside it";
}

TEST(ReplaceFile, ModeAndLinksStay) {
    const TempTree tree;
    tree.file("real/a.yaml", "one\n");
    fs::permissions(tree.path("real/a.yaml"), fs::perms::owner_read | fs::perms::owner_write);
    fs::create_symlink("real/a.yaml", tree.path("a.yaml"));
    EXPECT_THAT(replace_file(tree.path("a.yaml"), "two\n"), IsEmpty());
    EXPECT_TRUE(fs::is_symlink(tree.path("a.yaml")));
    EXPECT_EQ(tree.text("real/a.yaml"), "two\n");
    EXPECT_EQ(fs::status(tree.path("real/a.yaml")).permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
}

TEST(ReplaceFile, WhatCannotBeWrittenStaysAndIsNamed) {
    const TempTree tree;
    const auto missing = replace_file(tree.path("none/a.yaml"), "one\n");
    EXPECT_THAT(missing, HasSubstr("none/a.yaml"));
    EXPECT_THAT(missing, HasSubstr("No such file"));
    tree.folder("folder");
    EXPECT_THAT(replace_file(tree.path("folder"), "one\n"), HasSubstr("not a regular file"));
    EXPECT_EQ(files_in(tree), 1U) << "nothing is left beside it";
}

}  // namespace
}  // namespace governor::cli
