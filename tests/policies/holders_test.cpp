// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/holders.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace policies {
namespace {

using namespace std::chrono_literals;

constexpr int kMain = 100;

/// A tree as a container has it: what runs which file is told apart by the inode.
class Container {
  public:
    ProcessMemory& add(int pid, int parent, std::uint64_t exe, std::uint64_t mib,
                       std::string comm = "python3") {
        ProcessMemory process;
        process.pid = pid;
        process.parent = parent;
        process.exe_device = 1;
        process.exe_inode = exe;
        process.comm = comm;
        process.command_line = "/usr/bin/" + comm + " -m app";
        process.anonymous = process.freed_by_end = process.proportional = Bytes{mib << 20U};
        processes.push_back(process);
        return processes.back();
    }
    /// What all of them held a second ago.
    void before(std::vector<std::uint64_t> mib) {
        for (std::size_t i = 0; i < mib.size(); ++i) {
            processes[i].before = Bytes{mib[i] << 20U};
            processes[i].since = 1s;
        }
    }
    Survey surveyed(const Recycle& how = {}) const { return survey(how, processes, kMain); }

    std::vector<ProcessMemory> processes;
};

Container gunicorn() {
    Container container;
    container.add(kMain, 1, 7, 20);
    container.add(110, kMain, 7, 40);
    container.add(111, kMain, 7, 120);
    container.add(112, kMain, 7, 45);
    return container;
}

TEST(survey, chooses_the_largest_child_of_a_pool) {
    const Survey survey = gunicorn().surveyed();
    EXPECT_EQ(survey.refused, Rule::kNone);
    EXPECT_EQ(survey.candidate.pid, 111);
    EXPECT_EQ(survey.candidate.name(), "python3");
    EXPECT_EQ(survey.candidate.bytes, 120_MiB);
    EXPECT_TRUE(survey.pool_explains_growth);
    ASSERT_EQ(survey.count, 4U);
    EXPECT_EQ(survey.largest[0].pid, 111);
    EXPECT_EQ(survey.largest[3].pid, kMain);
    EXPECT_EQ(survey.held, 225_MiB);
}

TEST(survey, a_container_of_one_process_has_nothing_to_recycle) {
    Container container;
    container.add(kMain, 1, 7, 300);
    EXPECT_EQ(container.surveyed().refused, Rule::kNoPool);
    EXPECT_EQ(container.surveyed().candidate.pid, 0);
    EXPECT_EQ(container.surveyed().largest[0].pid, kMain);
}

TEST(survey, a_single_child_is_no_pool_unless_the_policy_names_it) {
    Container container;
    container.add(kMain, 1, 5, 2, "sh");
    container.add(110, kMain, 7, 300, "worker");
    EXPECT_EQ(container.surveyed().refused, Rule::kNoPool);
    Recycle how;
    how.processes = {"worker"};
    EXPECT_EQ(container.surveyed(how).candidate.pid, 110);
    how.processes = {"*-m app"};
    EXPECT_EQ(container.surveyed(how).candidate.pid, 110);
    how.processes = {"other"};
    EXPECT_EQ(container.surveyed(how).refused, Rule::kNoProcessMatches);
}

TEST(survey, the_pool_may_stand_below_a_shell_or_an_init) {
    Container container;
    container.add(kMain, 1, 5, 1, "tini");
    container.add(105, kMain, 7, 20);
    container.add(110, 105, 7, 90);
    container.add(111, 105, 7, 30);
    EXPECT_EQ(container.surveyed().candidate.pid, 110);
}

TEST(survey, never_pid_1_even_when_the_policy_names_it) {
    Container container = gunicorn();
    container.processes[0].comm = "master";
    Recycle how;
    how.processes = {"master"};
    EXPECT_EQ(container.surveyed(how).refused, Rule::kNoProcessMatches);
}

TEST(survey, never_the_parent_of_a_pool_although_it_is_a_child_of_one) {
    Container container;
    container.add(kMain, 1, 5, 5, "supervisord");
    container.add(105, kMain, 7, 90);  // two servers of the same program below one supervisor
    container.add(106, kMain, 7, 10);
    container.add(110, 105, 7, 60);
    container.add(111, 105, 7, 50);
    EXPECT_EQ(container.surveyed().candidate.pid, 110);
}

TEST(survey, a_process_of_docker_exec_is_nobodys_child_here) {
    Container container;
    container.add(kMain, 1, 7, 20);
    container.add(900, 4000, 9, 200, "pytest");
    container.add(901, 4000, 9, 100, "pytest");
    EXPECT_EQ(container.surveyed().refused, Rule::kNoPool);
}

TEST(survey, pages_that_siblings_share_do_not_count_as_freed) {
    Container container = gunicorn();
    container.processes[2].freed_by_end = 5_MiB;
    EXPECT_EQ(container.surveyed().candidate.pid, 112);
}

TEST(survey, a_parent_that_leaks_is_not_helped_by_a_new_child) {
    Container container = gunicorn();
    container.processes[0].anonymous = container.processes[0].freed_by_end = 150_MiB;
    container.before({20, 40, 119, 45});
    EXPECT_EQ(container.surveyed().refused, Rule::kParentHolds);
}

TEST(survey, a_parent_that_holds_most_is_taken_for_the_leak_when_no_look_before_says_otherwise) {
    Container container = gunicorn();
    container.processes[0].freed_by_end = container.processes[0].proportional = 400_MiB;
    EXPECT_EQ(container.surveyed().refused, Rule::kParentHolds);
    // But not one that has been large from the start.
    container.processes[0].anonymous = 400_MiB;
    container.before({400, 40, 40, 45});
    EXPECT_EQ(container.surveyed().refused, Rule::kNone);
}

TEST(survey, says_when_something_else_than_the_pool_grows) {
    Container container = gunicorn();
    container.add(120, kMain, 9, 80, "sidecar");
    container.before({20, 40, 110, 45, 10});
    const Survey survey = container.surveyed();
    EXPECT_FALSE(survey.pool_explains_growth);
    EXPECT_EQ(survey.largest[1].growth, 70 << 20);
}

TEST(survey, without_the_host_s_pids_nothing_is_chosen) {
    const Container container = gunicorn();
    EXPECT_EQ(survey({}, container.processes, 0).refused, Rule::kProcessesUnseen);
    EXPECT_EQ(survey({}, {}, kMain).refused, Rule::kProcessesUnseen);
}

TEST(survey, where_no_executable_can_be_read_the_name_stands_for_it) {
    Container container = gunicorn();
    for (ProcessMemory& process : container.processes) process.exe_inode = process.exe_device = 0;
    EXPECT_EQ(container.surveyed().candidate.pid, 111);
    for (std::size_t i = 0; i < container.processes.size(); ++i)
        container.processes[i].comm = "worker-" + std::to_string(i);
    EXPECT_EQ(container.surveyed().refused, Rule::kNoPool);
}

TEST(survey, a_name_of_any_length_and_content_is_cut_to_what_the_kernel_allows) {
    Container container = gunicorn();
    container.processes[2].comm = std::string(40, '\xff');
    EXPECT_EQ(container.surveyed().candidate.name().size(), 15U);
}

/// Whatever the tree: what is chosen may be ended.
TEST(survey, never_chooses_what_nobody_replaces) {
    std::mt19937 random(16);
    const auto number = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };
    for (int round = 0; round < 5000; ++round) {
        Container container;
        const int size = number(8);
        for (int i = 0; i < size; ++i)
            container.add(kMain + i, number(5) == 0 ? number(2000) : kMain + number(size),
                          static_cast<std::uint64_t>(number(3)), static_cast<std::uint64_t>(number(200)));
        const Survey survey = container.surveyed();
        if (survey.candidate.pid == 0) {
            ASSERT_NE(survey.refused, Rule::kNone);
            continue;
        }
        ASSERT_NE(survey.candidate.pid, kMain);
        const auto& chosen = container.processes[static_cast<std::size_t>(survey.candidate.pid - kMain)];
        bool sibling = false;
        for (const ProcessMemory& other : container.processes)
            sibling = sibling || (other.pid != chosen.pid && other.parent == chosen.parent &&
                                  other.exe_inode == chosen.exe_inode);
        ASSERT_TRUE(sibling) << "round " << round;
    }
}

}  // namespace
}  // namespace policies
