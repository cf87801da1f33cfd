// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/death_watch.hpp"

#include "tests/support/kernel_texts.hpp"
#include "tests/support/tree.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>

namespace cgroups {
namespace {

/// A child that ends in a given way; not waited for before the test has looked.
class Child {
  public:
    /// `code` below 0: it waits to be killed.
    explicit Child(int code) : pid_(::fork()) {
        if (pid_ != 0) return;
        if (code >= 0) ::_exit(code);
        while (true) ::pause();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    int pid() const { return pid_; }
    const PidFd& process() const { return *process_; }

  private:
    int pid_;
    Result<PidFd> process_ = PidFd::open_if(pid_, [](int) { return true; });
};

/// How it ended; waits until it has.
Ending ending_of(const DeathWatch& watch) {
    constexpr int kLimitMs = 20'000;
    pollfd wanted{watch.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&wanted, 1, kLimitMs), 1);
    return watch.look();
}

TEST(death_watch, tells_an_exit_code_from_a_signal_that_looks_the_same) {
    const Child exits(137);
    const Child is_killed(-1);
    const auto first = DeathWatch::open(exits.process());
    const auto second = DeathWatch::open(is_killed.process());
    if (!first && first.error().code == std::errc::function_not_supported)
        GTEST_SKIP() << first.error().message();
    ASSERT_TRUE(first && second);
    ::kill(is_killed.pid(), SIGKILL);
    EXPECT_EQ(ending_of(*first).sigkill, false);
    EXPECT_EQ(ending_of(*second).sigkill, true);
}

TEST(death_watch, one_that_is_gone_tells_nothing_wrong) {
    auto child = std::make_unique<Child>(-1);
    const auto process = PidFd::open_if(child->pid(), [](int) { return true; });
    ASSERT_TRUE(process);
    const auto watch = DeathWatch::open(*process);
    ASSERT_TRUE(watch);
    child.reset();
    // Newer kernels keep it for us.
    EXPECT_NE(watch->look().sigkill, false);
}

TEST(death_watch, does_not_watch_the_process_that_got_the_number_of_one_that_is_gone) {
    auto child = std::make_unique<Child>(-1);
    const auto process = PidFd::open_if(child->pid(), [](int) { return true; });
    ASSERT_TRUE(process);
    TempTree proc;
    // What stands under its number now is another's.
    proc.file(std::to_string(child->pid()) + "/status", kernel_texts::kStatus);
    proc.file(std::to_string(child->pid()) + "/stat", "");
    EXPECT_TRUE(DeathWatch::open(*process, proc.path()));
    child.reset();
    const auto late = DeathWatch::open(*process, proc.path());
    ASSERT_FALSE(late);
    EXPECT_TRUE(late.error().gone());
}

TEST(death_watch, the_exit_code_stands_at_the_end_of_stat) {
    std::string text = "12 (a ) b) Z";
    for (int field = 4; field < 52; ++field) text += " 1";
    EXPECT_EQ(parse_stat_exit_code(text + " 9\n"), 9);
    EXPECT_EQ(parse_stat_exit_code(text + " 35072\n"), 137 << 8);
    EXPECT_EQ(parse_stat_exit_code(text + " 0\n"), std::nullopt)
        << "0 is what the kernel shows to those who may not see it";
    EXPECT_EQ(parse_stat_exit_code(text), std::nullopt);
    EXPECT_EQ(parse_stat_exit_code(""), std::nullopt);
}

}  // namespace
}  // namespace cgroups
