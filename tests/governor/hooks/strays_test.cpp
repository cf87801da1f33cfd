// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/strays.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <csignal>

namespace governor::hooks {
namespace {

/// A process that does not end by itself, with one variable.
class Sleeper {
  public:
    explicit Sleeper(std::string variable) {
        std::array<std::string, 2> words{"/bin/sleep", "1000"};
        std::array<char*, 3> command{words[0].data(), words[1].data(), nullptr};
        std::array<char*, 2> environment{variable.data(), nullptr};
        EXPECT_EQ(
            ::posix_spawn(&pid_, words[0].c_str(), nullptr, nullptr, command.data(), environment.data()), 0);
    }
    ~Sleeper() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

    pid_t pid() const { return pid_; }
    /// Waits until it has ended, and says by which signal.
    int ended_by() const {
        siginfo_t end{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOWAIT);
        return end.si_status;
    }

  private:
    pid_t pid_ = 0;
};

TEST(Strays, EachRunHasItsOwnName) {
    EXPECT_NE(new_run(), new_run());
}

TEST(Strays, OnlyThoseOfTheRunAreKilled) {
    const std::string run = new_run();
    const Sleeper mine(kRunVariable + run);
    const Sleeper longer(kRunVariable + run + "0");
    const Sleeper other("X" + kRunVariable + run);
    kill_strays("/proc", run);
    EXPECT_EQ(mine.ended_by(), SIGKILL);
    // Had the look taken them for its own, they would have got SIGKILL before this.
    for (const Sleeper* left : {&longer, &other}) {
        ::kill(left->pid(), SIGTERM);
        EXPECT_EQ(left->ended_by(), SIGTERM);
    }
}

TEST(Strays, NoProcIsNoHarm) {
    kill_strays("/no/such/proc", new_run());
}

}  // namespace
}  // namespace governor::hooks
