// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/directory.hpp"

#include "tests/support/tree.hpp"

#include <fcntl.h>

#include <gtest/gtest.h>

#include <array>

namespace cgroups {
namespace {

TEST(directory, reads_and_writes_its_files) {
    TempTree tree;
    tree.file("memory.high", "max\n");
    tree.file("memory.current", "4096\n");
    const auto directory = Directory::open(tree.path());
    ASSERT_TRUE(directory) << directory.error().message();
    EXPECT_EQ(directory->read_bytes("memory.high"), kMax);
    EXPECT_EQ(directory->read_bytes("memory.current"), Bytes{4096});
    ASSERT_TRUE(directory->write_bytes("memory.current", Bytes{123}));
    EXPECT_EQ(tree.text("memory.current"), "123");
    ASSERT_TRUE(directory->write_bytes("memory.high", kMax));
    EXPECT_EQ(tree.text("memory.high"), "max");
}

TEST(directory, what_is_not_there_is_gone_and_says_so) {
    TempTree tree;
    const auto missing = Directory::open(tree.path("docker-1.scope"));
    ASSERT_FALSE(missing);
    EXPECT_TRUE(missing.error().gone());
    EXPECT_NE(missing.error().message().find(tree.path("docker-1.scope")), std::string::npos);
    EXPECT_NE(missing.error().message().find("No such file"), std::string::npos);
}

TEST(directory, a_file_in_place_of_a_directory_is_an_error_but_not_gone) {
    TempTree tree;
    tree.file("scope", "");
    const auto wrong = Directory::open(tree.path("scope"));
    ASSERT_FALSE(wrong);
    EXPECT_FALSE(wrong.error().gone());
}

TEST(directory, every_call_on_a_vanished_directory_answers_gone) {
    TempTree tree;
    tree.file("scope/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
    const auto directory = Directory::open(tree.path("scope"));
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->memory_events());
    tree.remove("scope");
    EXPECT_TRUE(directory->memory_events().error().gone());
    EXPECT_TRUE(directory->pids().error().gone());
    EXPECT_TRUE(directory->freeze().error().gone());
    EXPECT_TRUE(directory->write_bytes("memory.high", kMax).error().gone());
    EXPECT_TRUE(directory->child("hold", true).error().gone());
}

TEST(directory, the_same_path_made_again_is_another_cgroup) {
    TempTree tree;
    tree.file("scope/memory.current", "1\n");
    const auto first = Directory::open(tree.path("scope"));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->identity(), Directory::open(tree.path("scope"))->identity());
    tree.remove("scope");
    tree.file("scope/memory.current", "2\n");
    const auto second = Directory::open(tree.path("scope"));
    ASSERT_TRUE(second);
    EXPECT_FALSE(first->identity() == second->identity());
    // The old one must not read, freeze or kill the new one.
    EXPECT_TRUE(first->read_bytes("memory.current").error().gone());
    EXPECT_EQ(second->read_bytes("memory.current"), Bytes{2});
}

TEST(directory, makes_opens_and_removes_a_child) {
    TempTree tree;
    const auto parent = Directory::open(tree.path());
    ASSERT_TRUE(parent);
    EXPECT_TRUE(parent->child("hold", false).error().gone());
    const auto made = parent->child("hold", true);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->path(), tree.path("hold"));
    const auto again = parent->child("hold", true);
    ASSERT_TRUE(again);
    EXPECT_EQ(made->identity(), again->identity());
    ASSERT_TRUE(parent->remove_child("hold"));
    EXPECT_TRUE(parent->remove_child("hold").error().gone());
}

TEST(directory, reads_a_process_list_of_any_length) {
    TempTree tree;
    std::string text;
    for (int pid = 1; pid <= 5000; ++pid) text += std::to_string(pid) + "\n";
    tree.file("cgroup.procs", text);
    const auto pids = Directory::open(tree.path())->pids();
    ASSERT_TRUE(pids);
    ASSERT_EQ(pids->size(), 5000U);
    // None of them torn in two at the edge of a read buffer.
    for (std::size_t i = 0; i < pids->size(); ++i) ASSERT_EQ((*pids)[i], static_cast<int>(i) + 1);
}

TEST(directory, a_file_with_nonsense_is_an_error_that_names_it) {
    TempTree tree;
    tree.file("memory.max", "lots\n");
    tree.file("memory.events", "?\n");
    tree.file("cgroup.events", "\n");
    const auto directory = Directory::open(tree.path());
    const auto value = directory->read_bytes("memory.max");
    ASSERT_FALSE(value);
    EXPECT_FALSE(value.error().gone());
    EXPECT_NE(value.error().message().find("memory.max"), std::string::npos);
    EXPECT_FALSE(directory->memory_events());
    EXPECT_FALSE(directory->events());
}

TEST(directory, freeze_thaw_kill_and_attach_write_what_the_kernel_wants) {
    TempTree tree;
    for (const char* name : {"cgroup.freeze", "cgroup.kill", "cgroup.procs"}) tree.file(name, "");
    const auto directory = Directory::open(tree.path());
    ASSERT_TRUE(directory->freeze());
    EXPECT_EQ(tree.text("cgroup.freeze"), "1");
    ASSERT_TRUE(directory->thaw());
    EXPECT_EQ(tree.text("cgroup.freeze"), "0");
    ASSERT_TRUE(directory->kill());
    EXPECT_EQ(tree.text("cgroup.kill"), "1");
    ASSERT_TRUE(directory->write("cgroup.procs", "4211"));
    EXPECT_EQ(tree.text("cgroup.procs"), "4211");
}

TEST(directory, a_held_file_is_read_from_its_start_each_time) {
    TempTree tree;
    tree.file("memory.current", "1\n");
    const auto directory = Directory::open(tree.path());
    const auto fd = directory->open_file("memory.current", O_RDONLY);
    ASSERT_TRUE(fd);
    std::array<char, 16> buffer;
    EXPECT_EQ(read_held(fd->get(), buffer, "x"), "1\n");
    tree.file("memory.current", "22\n");
    EXPECT_EQ(read_held(fd->get(), buffer, "x"), "22\n");
    std::array<char, 2> small;
    EXPECT_EQ(read_held(fd->get(), small, "x"), "22");
    EXPECT_FALSE(read_held(-1, buffer, "x"));
}

}  // namespace
}  // namespace cgroups
