// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/pid_fd.hpp"

#include "cgroup/directory.hpp"
#include "cgroup/process.hpp"
#include "tests/support/kernel_texts.hpp"
#include "tests/support/tree.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace cgroups {
namespace {

/// A process that waits for a signal, and trees in the place of /proc and of its cgroup.
class Process : public testing::Test {
  protected:
    Process() : pid_(::fork()) {
        if (pid_ == 0)
            while (true) ::pause();
        tree_.file(kScope + "/cgroup.procs", "1\n" + std::to_string(pid_) + "\n");
        cgroup_in("/system.slice/docker-0123.scope");
    }
    ~Process() override { end(); }

    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    /// What /proc says of it.
    void cgroup_in(const std::string& path) {
        tree_.file("proc/" + std::to_string(pid_) + "/cgroup", "0::" + path + "\n");
    }
    Processes processes() const { return Processes(tree_.path("proc")); }
    Directory directory() const { return std::move(*Directory::open(tree_.path(kScope))); }
    static bool any(int) { return true; }

    static inline const std::string kScope = "system.slice/docker-0123.scope";
    TempTree tree_;
    pid_t pid_;
};

TEST_F(Process, is_signalled_by_its_pidfd_which_knows_when_it_is_gone) {
    const auto process = PidFd::open(pid_, directory(), processes());
    ASSERT_TRUE(process) << process.error().message();
    ASSERT_TRUE(process->send(SIGKILL));
    int status = 0;
    ASSERT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    const auto late = process->send(SIGKILL);
    ASSERT_FALSE(late);
    EXPECT_TRUE(late.error().gone());
    EXPECT_FALSE(process->has_number());
}

TEST_F(Process, of_another_cgroup_is_not_held) {
    tree_.file(kScope + "/cgroup.procs", "1\n");
    for (const char* elsewhere :
         {"/system.slice/docker-9999.scope", "/system.slice/docker-0123.scope-2", "/"}) {
        cgroup_in(elsewhere);
        const auto process = PidFd::open(pid_, directory(), processes());
        ASSERT_FALSE(process) << elsewhere;
        EXPECT_FALSE(process.error().gone());
    }
}

TEST_F(Process, of_a_cgroup_below_it_is_held) {
    tree_.file(kScope + "/cgroup.procs", "");
    for (const char* below : {"/system.slice/docker-0123.scope/init", "/../docker-0123.scope/init",
                              "/system.slice/docker-0123.scope"}) {
        cgroup_in(below);
        EXPECT_TRUE(PidFd::open(pid_, directory(), processes())) << below;
    }
}

TEST_F(Process, that_ended_while_it_was_verified_is_not_held) {
    const int number = pid_;
    // Between the opening and the verification: what is verified then is another's, with the same number.
    const auto held = PidFd::open_if(number, [this](int) {
        end();
        return true;
    });
    ASSERT_FALSE(held);
    EXPECT_TRUE(held.error().gone());
}

TEST_F(Process, in_a_list_is_held_when_it_still_stands_in_the_list_afterwards) {
    tree_.file(kScope + "/cgroup.procs", std::to_string(::getpid()) + "\n");
    const auto held = open_listed({pid_, ::getpid(), 0, -1}, directory());
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held.front().number(), ::getpid());
}

TEST_F(Process, that_ended_has_no_signals_that_anything_is_decided_by) {
    tree_.file("proc/" + std::to_string(pid_) + "/status", kernel_texts::kStatus);
    const auto process = PidFd::open_if(pid_, any);
    ASSERT_TRUE(process);
    EXPECT_TRUE(processes().signal_status(*process));
    end();
    // The file is there, as that of the next process with this number would be.
    const auto status = processes().signal_status(*process);
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error().gone());
}

TEST_F(Process, gets_its_oom_score_and_the_next_one_with_its_number_does_not) {
    const std::string file = "proc/" + std::to_string(pid_) + "/oom_score_adj";
    tree_.file(file, "0");
    const auto process = PidFd::open_if(pid_, any);
    ASSERT_TRUE(process);
    ASSERT_TRUE(processes().set_oom_score_adj(*process, -900));
    EXPECT_EQ(tree_.text(file), "-900");
    end();
    ASSERT_FALSE(processes().set_oom_score_adj(*process, -500));
    EXPECT_EQ(tree_.text(file), "-900");
}

}  // namespace
}  // namespace cgroups
