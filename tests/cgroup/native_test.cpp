// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/psi_trigger.hpp"
#include "tests/support/native_cgroup.hpp"

#include <gtest/gtest.h>

// The real kernel, where the machine lends a writable cgroup v2 mount. Its memory controller is not needed
// here.
namespace cgroups {
namespace {

bool is_frozen(const CgroupEvents& events) {
    return events.frozen;
}
bool is_running(const CgroupEvents& events) {
    return !events.frozen;
}
bool is_empty(const CgroupEvents& events) {
    return !events.populated;
}

class native : public testing::Test {
  protected:
    void SetUp() override {
        std::string why;
        cgroup = NativeCgroup::make(why);
        if (!cgroup) GTEST_SKIP() << "skipped: " << why;
    }
    std::unique_ptr<NativeCgroup> cgroup;
};

TEST_F(native, a_frozen_process_stands_still_and_runs_again_after_the_thaw) {
    const pid_t child = cgroup->start_child();
    ASSERT_GT(child, 0);
    EXPECT_EQ(*cgroup->directory().pids(), std::vector<int>{child});
    ASSERT_TRUE(cgroup->directory().freeze());
    ASSERT_TRUE(cgroup->wait_until(is_frozen));

    ASSERT_EQ(::kill(child, SIGTERM), 0);
    // Its signal waits; that it did not run is seen in that it is still there.
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, WNOHANG), 0);
    EXPECT_TRUE(cgroup->directory().events()->frozen);

    ASSERT_TRUE(cgroup->directory().thaw());
    status = cgroup->reap();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), NativeCgroup::kSavedItsWork);
}

// Not so without a handler: the kernel turns a deadly signal into a kill, which a frozen process obeys.
// Whoever signals the frozen processes of a container must know that those without a handler do not wait for
// the thaw.
TEST_F(native, an_unhandled_stop_signal_ends_a_frozen_process) {
    const pid_t child = cgroup->start_child(false);
    ASSERT_GT(child, 0);
    ASSERT_TRUE(cgroup->directory().freeze());
    ASSERT_TRUE(cgroup->wait_until(is_frozen));
    ASSERT_EQ(::kill(child, SIGTERM), 0);
    ASSERT_TRUE(cgroup->wait_until(is_empty)) << "still there";
    EXPECT_EQ(WTERMSIG(cgroup->reap()), SIGTERM);
}

TEST_F(native, kill_ends_a_frozen_process) {
    ASSERT_GT(cgroup->start_child(), 0);
    ASSERT_TRUE(cgroup->directory().freeze());
    ASSERT_TRUE(cgroup->wait_until(is_frozen));
    const auto killed = cgroup->directory().kill();
    if (!killed && killed.error().gone())
        GTEST_SKIP() << "skipped: " << killed.error().message() << " (kernel before 5.14)";
    ASSERT_TRUE(killed) << killed.error().message();
    const int status = cgroup->reap();
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_TRUE(cgroup->wait_until(is_empty));
}

TEST_F(native, a_thaw_without_a_freeze_is_harmless) {
    ASSERT_GT(cgroup->start_child(), 0);
    EXPECT_TRUE(cgroup->directory().thaw());
    EXPECT_TRUE(cgroup->wait_until(is_running));
}

TEST_F(native, a_freeze_wakes_who_polls_cgroup_events) {
    ASSERT_GT(cgroup->start_child(), 0);
    const auto fd = cgroup->directory().open_file("cgroup.events", O_RDONLY);
    ASSERT_TRUE(fd);
    char buffer[128];
    ASSERT_TRUE(read_held(fd->get(), buffer, "cgroup.events"));  // from here on changes are told
    // Moving the child in was a change as well and may be told late: look until it is the freeze.
    ASSERT_TRUE(cgroup->directory().freeze());
    bool frozen = false;
    while (!frozen) {
        pollfd waiting{fd->get(), POLLPRI, 0};
        ASSERT_EQ(::poll(&waiting, 1, 20000), 1) << "no notification";
        EXPECT_TRUE((waiting.revents & POLLPRI) != 0);
        frozen = parse_cgroup_events(*read_held(fd->get(), buffer, "cgroup.events"))->frozen;
    }
}

TEST_F(native, a_mark_stays_with_the_cgroup_and_goes_with_it) {
    const auto& directory = cgroup->directory();
    EXPECT_EQ(directory.mark(), std::nullopt);
    const auto marked = directory.set_mark("frozen 12345");
    ASSERT_TRUE(marked) << marked.error().message();
    // Another process (a restarted governor) opens the directory anew.
    EXPECT_EQ(Directory::open(directory.path())->mark(), "frozen 12345");
    directory.clear_mark();
    EXPECT_EQ(directory.mark(), std::nullopt);

    ASSERT_TRUE(directory.set_mark("frozen"));
    const Identity before = directory.identity();
    ASSERT_TRUE(cgroup->root().remove_child(cgroup->name()));
    const auto again = cgroup->root().child(cgroup->name(), true);
    ASSERT_TRUE(again);
    EXPECT_FALSE(before == again->identity());
    EXPECT_EQ(again->mark(), std::nullopt);
}

TEST_F(native, a_held_file_of_a_removed_cgroup_answers_gone) {
    const auto fd = cgroup->directory().open_file("cgroup.events", O_RDONLY);
    ASSERT_TRUE(fd);
    ASSERT_TRUE(cgroup->root().remove_child(cgroup->name()));
    char buffer[128];
    const auto text = read_held(fd->get(), buffer, "cgroup.events");
    ASSERT_FALSE(text);
    EXPECT_TRUE(text.error().gone()) << text.error().message();
    EXPECT_TRUE(cgroup->directory().thaw().error().gone());
}

TEST_F(native, a_pressure_trigger_can_be_armed_and_dies_with_the_cgroup) {
    using namespace std::chrono_literals;
    const auto trigger = arm_psi_trigger(cgroup->directory(), {.full = false, .stall = 100ms});
    if (!trigger) GTEST_SKIP() << "skipped: " << trigger.error().message();
    pollfd waiting{trigger->get(), POLLPRI, 0};
    EXPECT_EQ(::poll(&waiting, 1, 0), 0) << "nothing stalls, so nothing may be told";
    ASSERT_TRUE(cgroup->root().remove_child(cgroup->name()));
    EXPECT_EQ(::poll(&waiting, 1, 20000), 1);
    EXPECT_TRUE((waiting.revents & POLLERR) != 0);
}

TEST_F(native, the_kernel_refuses_a_nonsensical_trigger_and_we_say_which) {
    using namespace std::chrono_literals;
    const auto trigger = arm_psi_trigger(cgroup->directory(), {.full = true, .stall = 3s, .window = 2s});
    ASSERT_FALSE(trigger);
    EXPECT_NE(trigger.error().message().find("full 3000000 2000000"), std::string::npos)
        << trigger.error().message();
}

TEST(hierarchy, a_directory_that_is_no_mount_is_an_error) {
    EXPECT_FALSE(find_hierarchy("/nonexistent/cgroup"));
}

}  // namespace
}  // namespace cgroups
