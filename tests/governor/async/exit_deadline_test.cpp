// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/async/exit_deadline.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <future>
#include <memory>
#include <string>

namespace governor::async {
namespace {

using namespace std::chrono_literals;

TEST(ExitDeadline, NamesWhatDidNotEnd) {
    const auto named = std::make_shared<std::promise<std::string>>();
    ExitDeadline deadline({0ms, [named](const std::string& step) { named->set_value(step); }});
    EXPECT_FALSE(deadline.started());
    deadline.step("the journal");
    deadline.start();
    EXPECT_EQ(named->get_future().get(), "the journal");
    EXPECT_TRUE(deadline.started());
}

TEST(ExitDeadline, BeginsWithTheSignalWhateverTheOtherThreadsDo) {
    const auto over = std::make_shared<std::promise<void>>();
    ExitDeadline deadline({0ms, [over](const std::string&) { over->set_value(); }});
    ::raise(SIGTERM);
    over->get_future().get();
}

TEST(ExitDeadline, ThatNeverBeganEndsWithItsObject) {
    const ExitDeadline deadline({0ms, [](const std::string&) { ADD_FAILURE(); }});
}

/// In a process of its own, whose standard error is a pipe that nothing reads.
TEST(ExitDeadline, EndsTheProcessAlsoWhenStandardErrorIsFull) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::dup2(pipe[1], STDERR_FILENO);
        ::fcntl(pipe[1], F_SETFL, O_NONBLOCK);
        const std::array<char, 4096> some{};
        while (::write(pipe[1], some.data(), some.size()) > 0) {
        }
        ::fcntl(pipe[1], F_SETFL, 0);
        ExitDeadline::end_process("the test");
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
    ::close(pipe[0]);
    ::close(pipe[1]);
}

}  // namespace
}  // namespace governor::async
