// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/kept_brakes.hpp"

#include "cgroup/directory.hpp"
#include "governor/act/mark.hpp"
#include "tests/support/cgroup_tree.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <csignal>

namespace governor::act {
namespace {

using namespace std::chrono_literals;

/// A frozen container, whose main process waits for a signal. The time is the test's.
class KeptBrakesTest : public testing::Test {
  protected:
    KeptBrakesTest() : pid_(::fork()) {
        if (pid_ == 0)
            while (true) ::pause();
        test::add_scope(tree_, "0123", 1, "max");
        tree_.file(kScope + "cgroup.freeze", "1");
        tree_.file(kScope + "memory.high", "230");
        masks("0");
    }
    ~KeptBrakesTest() override {
        ::kill(pid_, SIGKILL);
        if (!reaped_) ::waitpid(pid_, nullptr, 0);
    }

    /// The pending signals of the main process, in hexadecimal.
    void masks(const std::string& pending) {
        tree_.file("proc/" + std::to_string(pid_) + "/status",
                   "SigPnd:\t0\nShdPnd:\t" + pending + "\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t4000\n");
    }
    cgroups::UniqueFd directory() const {
        return cgroups::UniqueFd(::open(tree_.path(kScope).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    cgroups::UniqueFd process() const {
        const auto held = cgroups::PidFd::open_if(pid_, [](int) { return true; });
        return cgroups::UniqueFd(::fcntl(held->fd(), F_DUPFD_CLOEXEC, 0));
    }
    void frozen() { ASSERT_TRUE(brakes_.take({GuardianMessage::kFrozen, 0, 0, 1, 1}, directory())); }
    void stopping() {
        ASSERT_TRUE(brakes_.take({GuardianMessage::kStopping, pid_, SIGTERM, 1, 2}, process()));
    }
    std::vector<GuardianAnswer> pass(std::chrono::nanoseconds time) {
        now_ += time;
        return brakes_.pass(time, now_);
    }
    /// In steps, as the guardian counts.
    std::vector<GuardianAnswer> wait(std::chrono::seconds time) {
        std::vector<GuardianAnswer> out;
        for (auto left = time; left > 0s; left -= 1s)
            for (const GuardianAnswer& answer : pass(1s)) out.push_back(answer);
        return out;
    }
    /// The signal that ended the main process; 0: it lives.
    int ended_by() {
        int status = 0;
        reaped_ = ::waitpid(pid_, &status, WNOHANG) == pid_;
        return reaped_ ? WTERMSIG(status) : 0;
    }
    /// The same, once it has ended.
    int wait_end() {
        int status = 0;
        reaped_ = ::waitpid(pid_, &status, 0) == pid_;
        return WTERMSIG(status);
    }
    std::string file(const std::string& name) const { return tree_.text(kScope + name); }

    static inline const std::string kScope = "system.slice/docker-0123.scope/";
    TempTree tree_;
    pid_t pid_;
    bool reaped_ = false;
    policies::TimePoint now_{1h};
    KeptBrakes brakes_{10s, tree_.path("proc")};
};

TEST_F(KeptBrakesTest, ARenewedLeaseHolds) {
    frozen();
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(wait(9s).empty());
        EXPECT_TRUE(brakes_.take({GuardianMessage::kRenew, 0, 0, 0, 3}, {}));
    }
    EXPECT_EQ(file("cgroup.freeze"), "1");
}

TEST_F(KeptBrakesTest, WhatWasOnlyFrozenIsThawedAndKeepsItsTripwire) {
    frozen();
    EXPECT_TRUE(wait(9s).empty());
    const auto told = wait(1s);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].op, GuardianAnswer::kReleased);
    EXPECT_EQ(told[0].key, 1U);
    EXPECT_FALSE(told[0].signalled);
    EXPECT_EQ(told[0].at_ns, now_.time_since_epoch().count());
    EXPECT_EQ(file("cgroup.freeze").front(), '0');
    EXPECT_EQ(file("memory.high"), "230");
    EXPECT_TRUE(brakes_.empty());
    EXPECT_EQ(ended_by(), 0);
}

TEST_F(KeptBrakesTest, AStopThatWasAskedForIsFinished) {
    frozen();
    stopping();
    const auto told = wait(10s);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].signalled);
    EXPECT_EQ(wait_end(), SIGTERM);
    EXPECT_EQ(file("cgroup.freeze").front(), '0');
    EXPECT_EQ(file("memory.high").substr(0, 3), "max");
}

TEST_F(KeptBrakesTest, ASignalThatIsPendingIsNotSentAgain) {
    masks("4000");
    frozen();
    stopping();
    EXPECT_EQ(wait(10s).size(), 1U);
    EXPECT_EQ(file("cgroup.freeze").front(), '0');
    EXPECT_EQ(ended_by(), 0);
}

TEST_F(KeptBrakesTest, APauseOfTheWholeMachineDoesNotUseUpTheLease) {
    frozen();
    EXPECT_TRUE(wait(5s).empty());
    // The guardian stood still as well: it sees one long step.
    EXPECT_TRUE(pass(1h).empty());
    EXPECT_EQ(file("cgroup.freeze"), "1");
    EXPECT_EQ(wait(3s).size(), 1U) << "but it goes on from there";
}

TEST_F(KeptBrakesTest, TheNextProcessWithTheNumberOfOneThatEndedIsLeftAlone) {
    frozen();
    stopping();
    ::kill(pid_, SIGKILL);
    EXPECT_EQ(wait_end(), SIGKILL);
    // The number belongs to another process now: this one, as far as the guardian could see from /proc.
    masks("0");
    EXPECT_EQ(wait(10s).size(), 1U);
    EXPECT_EQ(file("cgroup.freeze").front(), '0');
}

TEST_F(KeptBrakesTest, WhatEndedIsForgotten) {
    frozen();
    stopping();
    EXPECT_TRUE(brakes_.take({GuardianMessage::kThawed, 0, 0, 1, 3}, {}));
    EXPECT_TRUE(wait(60s).empty());
    brakes_.release_all(now_);
    EXPECT_EQ(file("cgroup.freeze"), "1");
    EXPECT_EQ(ended_by(), 0);
}

TEST_F(KeptBrakesTest, AMessageWithoutItsDescriptorIsNotTaken) {
    EXPECT_FALSE(brakes_.take({GuardianMessage::kFrozen, 0, 0, 1, 1}, {}));
    frozen();
    EXPECT_FALSE(brakes_.take({GuardianMessage::kStopping, pid_, SIGTERM, 1, 2}, {}));
    EXPECT_TRUE(brakes_.take({GuardianMessage::kStopping, 0, SIGTERM, 1, 2}, {}))
        << "its process is not known";
    EXPECT_FALSE(wait(10s).at(0).signalled) << "nothing could be signalled";
}

}  // namespace
}  // namespace governor::act
