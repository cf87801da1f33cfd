// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/process.hpp"

#include "tests/support/kernel_texts.hpp"
#include "tests/support/tree.hpp"

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

TEST(processes, sets_its_own_oom_score) {
    TempTree proc;
    proc.file("self/oom_score_adj", "0");
    const Processes processes(proc.path());
    ASSERT_TRUE(processes.set_own_oom_score_adj(-999));
    EXPECT_EQ(proc.text("self/oom_score_adj"), "-999");
}

}  // namespace
}  // namespace cgroups
