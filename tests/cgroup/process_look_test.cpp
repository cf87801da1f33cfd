// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/process.hpp"
#include "tests/support/tree.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <csignal>

namespace cgroups {
namespace {

constexpr const char* kStat =
    "812 (gunicorn: worker) S 110 110 110 0 -1 4194560 5 0 0 0 1 0 0 0 20 0 4 0 73921 300000 2000 "
    "18446744073709551615 1 1 0 0 0 0 0 16781312 134235650 0 0 0 17 1 0 0 0 0 0\n";
constexpr const char* kStatus =
    "Name:\tgunicorn\nVmRSS:\t  200000 kB\nRssAnon:\t  122880 kB\nRssFile:\t    9000 kB\nRssShmem:\t     512 "
    "kB\n"
    "VmSwap:\t    2048 kB\n";
constexpr const char* kSmapsRollup =
    "55d0c0000000-7ffd8b1f9000 ---p 00000000 00:00 0                          [rollup]\n"
    "Rss:              200000 kB\nPss:              150000 kB\nPss_Dirty:        110000 kB\n"
    "Pss_Anon:         105000 kB\nPss_File:          5000 kB\nPss_Shmem:           20 kB\n"
    "Shared_Clean:       8000 kB\nShared_Dirty:      20480 kB\nPrivate_Clean:      1000 kB\n"
    "Private_Dirty:    102400 kB\nSwap:               2048 kB\nSwapPss:            1024 kB\n";

TEST(process_stat, the_name_may_contain_anything) {
    const auto plain = parse_process_stat(kStat);
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->comm, "gunicorn: worker");
    EXPECT_EQ(plain->parent, 110);
    EXPECT_EQ(plain->start, 73921U);
    const std::string text = std::string("7 (a) R 1 (b)\n) S 3") +
                             std::string(kStat).substr(std::string(kStat).find(" 110 110 0"));
    const auto hostile = parse_process_stat(text);
    ASSERT_TRUE(hostile);
    EXPECT_EQ(hostile->comm, "a) R 1 (b)\n");
    EXPECT_EQ(hostile->parent, 3);
}

TEST(process_stat, what_is_cut_short_is_refused) {
    const std::string whole = kStat;
    for (std::size_t length = 0; length < whole.find(" 73921"); ++length)
        EXPECT_FALSE(parse_process_stat(whole.substr(0, length))) << length;
    EXPECT_FALSE(parse_process_stat(")("));
    EXPECT_FALSE(parse_process_stat("1 (x) S -1 0"));
}

class ProcessLookTest : public testing::Test {
  protected:
    ProcessLookTest() {
        proc_.file("812/stat", kStat);
        proc_.file("812/status", kStatus);
        proc_.file("812/smaps_rollup", kSmapsRollup);
        proc_.file("812/cmdline", std::string("/usr/bin/python3\0-m\0gunicorn\0", 29));
    }
    TempTree proc_;
};

TEST_F(ProcessLookTest, reads_what_a_process_is_and_holds) {
    const auto look = Processes(proc_.path()).look(812);
    ASSERT_TRUE(look) << look.error().message();
    EXPECT_EQ(look->parent, 110);
    EXPECT_EQ(look->start, 73921U);
    EXPECT_EQ(look->comm, "gunicorn: worker");
    EXPECT_EQ(look->anonymous.value, (122880U + 2048U) * 1024U);
    EXPECT_EQ(look->exe_inode, 0U) << "no executable that can be read";
}

TEST_F(ProcessLookTest, the_executable_is_told_by_its_file_not_by_its_name) {
    proc_.file("bin", "");
    ASSERT_EQ(::symlink(proc_.path("bin").c_str(), proc_.path("812/exe").c_str()), 0);
    const auto look = Processes(proc_.path()).look(812);
    ASSERT_TRUE(look);
    EXPECT_NE(look->exe_inode, 0U);
}

TEST_F(ProcessLookTest, pages_that_are_shared_count_by_share) {
    const auto pages = Processes(proc_.path()).pages(812);
    ASSERT_TRUE(pages) << pages.error().message();
    EXPECT_EQ(pages->private_pages.value, (102400U + 1024U) * 1024U);
    EXPECT_EQ(pages->proportional.value, (105000U + 1024U) * 1024U);
}

TEST_F(ProcessLookTest, a_command_line_is_joined_by_blanks_and_may_be_missing) {
    const Processes processes(proc_.path());
    EXPECT_EQ(processes.command_line(812), "/usr/bin/python3 -m gunicorn");
    EXPECT_EQ(processes.command_line(813), "");
}

TEST_F(ProcessLookTest, a_process_that_ended_is_gone) {
    const Processes processes(proc_.path());
    EXPECT_TRUE(processes.look(1).error().gone());
    EXPECT_TRUE(processes.pages(1).error().gone());
    EXPECT_TRUE(processes.parent_and_start(1).error().gone());
}

/// The files of this machine's kernel have what is read of them.
TEST(process_look_native, finds_its_own_memory) {
    constexpr std::size_t kSize = 64U << 20U;
    void* memory =
        ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    const Processes processes;
    const auto look = processes.look(::getpid());
    ASSERT_TRUE(look) << look.error().message();
    EXPECT_GE(look->anonymous.value, kSize);
    EXPECT_EQ(look->parent, ::getppid());
    EXPECT_NE(look->exe_inode, 0U);
    const auto pages = processes.pages(::getpid());
    ASSERT_TRUE(pages) << pages.error().message();
    EXPECT_GE(pages->private_pages.value, kSize);
    ::munmap(memory, kSize);
}

TEST(process_look_native, says_when_a_process_has_ended_although_nobody_waited_for_it) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    auto held = PidFd::open_if(child, [](int) { return true; });
    ASSERT_TRUE(held) << held.error().message();
    EXPECT_FALSE(held->has_ended());
    ASSERT_TRUE(held->send(SIGKILL));
    const auto released = held->release_memory();
    // Gone before it was asked for, or a kernel before 5.15.
    if (!released) {
        EXPECT_TRUE(released.error().gone() || released.error().code == std::errc::function_not_supported)
            << released.error().message();
    }
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_TRUE(held->has_ended());
    EXPECT_TRUE(held->has_number()) << "a zombie keeps its number";
    ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace cgroups
