// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/process.hpp"

#include "tests/support/kernel_texts.hpp"
#include "tests/support/tree.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <csignal>

namespace cgroups {
namespace {

TEST(processes, tells_whether_a_stop_signal_is_pending) {
    TempTree proc;
    proc.file("4211/status", kernel_texts::kStatus);
    const auto status = Processes(proc.path()).signal_status(4211);
    ASSERT_TRUE(status) << status.error().message();
    EXPECT_TRUE(status->pending(SIGTERM));
}

TEST(processes, a_process_that_ended_is_gone) {
    TempTree proc;
    const Processes processes(proc.path());
    EXPECT_TRUE(processes.signal_status(4211).error().gone());
    EXPECT_TRUE(processes.cgroup_path(4211).error().gone());
    EXPECT_TRUE(processes.set_oom_score_adj(4211, 0).error().gone());
}

TEST(processes, a_status_without_masks_is_an_error_but_not_gone) {
    TempTree proc;
    proc.file("7/status", "Name:\tx\n");
    const auto status = Processes(proc.path()).signal_status(7);
    ASSERT_FALSE(status);
    EXPECT_FALSE(status.error().gone());
}

TEST(processes, finds_the_v2_path_among_the_controllers_of_a_hybrid_host) {
    TempTree proc;
    proc.file("7/cgroup", "4:memory:/docker/abc\n1:name=systemd:/x\n0::/system.slice/docker-abc.scope\n");
    proc.file("8/cgroup", "4:memory:/docker/abc\n");
    const Processes processes(proc.path());
    EXPECT_EQ(processes.cgroup_path(7), "/system.slice/docker-abc.scope");
    EXPECT_FALSE(processes.cgroup_path(8));
}

TEST(processes, sets_the_oom_score_of_another_and_of_itself) {
    TempTree proc;
    proc.file("7/oom_score_adj", "0");
    proc.file("self/oom_score_adj", "0");
    const Processes processes(proc.path());
    ASSERT_TRUE(processes.set_oom_score_adj(7, -900));
    ASSERT_TRUE(processes.set_oom_score_adj(0, -999));
    EXPECT_EQ(proc.text("7/oom_score_adj"), "-900");
    EXPECT_EQ(proc.text("self/oom_score_adj"), "-999");
}

TEST(pid_fd, signals_the_process_it_was_opened_for_and_knows_when_it_is_gone) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        while (true) ::pause();
    }
    const auto process = PidFd::open(child);
    ASSERT_TRUE(process) << process.error().message();
    ASSERT_TRUE(process->send(SIGKILL));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    const auto late = process->send(SIGKILL);
    ASSERT_FALSE(late);
    EXPECT_TRUE(late.error().gone());
}

}  // namespace
}  // namespace cgroups
