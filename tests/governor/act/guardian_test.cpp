// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/guardian.hpp"

#include "governor/act/guardian_protocol.hpp"
#include "tests/support/cgroup_tree.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <csignal>
#include <cstring>

namespace governor::act {
namespace {

/// Sends one message as the governor does.
void send(int socket, char op, std::uint64_t key, int pass_fd, int signal) {
    GuardianMessage message{op, 0, signal, key, 1};
    iovec part{&message, sizeof message};
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (pass_fd >= 0) {
        packet.msg_control = control.data();
        packet.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &pass_fd, sizeof(int));
    }
    ASSERT_EQ(::sendmsg(socket, &packet, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof message));
}

/// A guardian in a process of its own, over a tree that stands for the frozen cgroup.
class GuardianProcess : public testing::Test {
  protected:
    GuardianProcess() {
        test::add_scope(tree_, "0123", 1, "max");
        tree_.file(kScope + "cgroup.freeze", "1");
        tree_.file(kScope + "memory.high", "230");
        directory_ =
            std::make_unique<cgroups::Directory>(std::move(*cgroups::Directory::open(tree_.path(kScope))));
        std::array<int, 2> pair{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
        child_ = ::fork();
        if (child_ == 0) {
            ::close(pair[0]);
            ::_exit(run_guardian(pair[1]));
        }
        ::close(pair[1]);
        socket_.reset(pair[0]);
    }
    ~GuardianProcess() override { governor_dies(); }

    void governor_dies() {
        socket_.reset();
        if (child_ > 0) ::waitpid(child_, nullptr, 0);
        child_ = -1;
    }
    std::string file(const std::string& name) { return tree_.text(kScope + name); }

    static inline const std::string kScope = "system.slice/docker-0123.scope/";
    TempTree tree_;
    std::unique_ptr<cgroups::Directory> directory_;
    cgroups::UniqueFd socket_;
    pid_t child_ = -1;
};

TEST_F(GuardianProcess, ThawsWhatADeadGovernorLeftFrozenAndKeepsTheTripwire) {
    send(socket_.get(), GuardianMessage::kFrozen, 1, directory_->fd(), 0);
    governor_dies();
    EXPECT_EQ(file("cgroup.freeze").front(), '0');
    EXPECT_EQ(file("memory.high"), "230") << "the next governor meets the leak at the same line";
}

TEST_F(GuardianProcess, ReleasesTheTripwireOfWhatWasAskedToStop) {
    send(socket_.get(), GuardianMessage::kFrozen, 1, directory_->fd(), 0);
    send(socket_.get(), GuardianMessage::kStopping, 1, -1, 15);
    governor_dies();
    EXPECT_EQ(file("cgroup.freeze").front(), '0');
    EXPECT_EQ(file("memory.high").substr(0, 3), "max") << "its handler needs the headroom";
}

TEST_F(GuardianProcess, AcknowledgesWhatItHasTaken) {
    send(socket_.get(), GuardianMessage::kFrozen, 1, directory_->fd(), 0);
    GuardianAnswer answer;
    ASSERT_EQ(::recv(socket_.get(), &answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
    EXPECT_EQ(answer.op, GuardianAnswer::kTaken);
    EXPECT_EQ(answer.sequence, 1U);
}

TEST_F(GuardianProcess, ThawsTheHoldToo) {
    tree_.file(kScope + std::string(kHoldName) + "/cgroup.freeze", "1");
    tree_.file(kScope + std::string(kHoldName) + "/cgroup.procs", "");
    send(socket_.get(), GuardianMessage::kFrozen, 1, directory_->fd(), 0);
    send(socket_.get(), GuardianMessage::kStopping, 1, -1, 15);
    governor_dies();
    EXPECT_EQ(file(std::string(kHoldName) + "/cgroup.freeze").front(), '0');
}

TEST_F(GuardianProcess, LeavesAloneWhatWasThawedAlready) {
    send(socket_.get(), GuardianMessage::kFrozen, 1, directory_->fd(), 0);
    send(socket_.get(), GuardianMessage::kThawed, 1, -1, 0);
    governor_dies();
    EXPECT_EQ(file("cgroup.freeze"), "1") << "frozen by somebody else meanwhile: `docker pause`";
}

TEST(GuardianProgram, IsTheSmallOneBesideTheGovernorsOwn) {
    TempTree tree;
    tree.file("bin/governor", "");
    tree.file("bin/governor-guardian", "");
    const std::string own = tree.path("exe");
    ASSERT_EQ(::symlink(tree.path("bin/governor").c_str(), own.c_str()), 0);
    EXPECT_EQ(guardian_program(own), own) << "it cannot be executed";
    ASSERT_EQ(::chmod(tree.path("bin/governor-guardian").c_str(), 0755), 0);
    EXPECT_EQ(guardian_program(own), tree.path("bin/governor-guardian"));
}

TEST(GuardianProgram, IsTheGovernorsOwnWhereNothingElseIsInstalled) {
    TempTree tree;
    tree.file("bin/governor", "");
    const std::string own = tree.path("exe");
    ASSERT_EQ(::symlink(tree.path("bin/governor").c_str(), own.c_str()), 0);
    EXPECT_EQ(guardian_program(own), own);
    EXPECT_EQ(guardian_program(tree.path("nothing")), tree.path("nothing"));
}

/// Helpers whose end of the socket the test has: it reads what they are sent, and answers in their place.
class GuardianTest : public testing::Test {
  protected:
    GuardianTest() {
        test::add_scope(tree_, "0123", 1, "max");
        test::add_scope(tree_, "4567", 1, "max");
        guardian_.on_released([this](const BrakeRelease& release) { released_.push_back(release); });
        EXPECT_TRUE(guardian_.start("helper"));
    }
    ~GuardianTest() override {
        for (Helper& helper : helpers_) {
            ::kill(helper.child, SIGKILL);
            helper.socket.reset();
        }
    }

    struct Helper {
        pid_t child;
        cgroups::UniqueFd socket;
    };
    cgroups::Result<GuardianHelper> spawn() {
        if (!can_start_)
            return cgroups::make_error(std::errc::no_such_file_or_directory, "start", "a helper");
        std::array<int, 2> pair{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
        std::array<int, 2> ready{};
        EXPECT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            // No copy of the test's ends: closing them must be seen on the other side.
            ::close_range(3, ~0U, 0);
            while (true) ::pause();
        }
        ::close(ready[1]);
        char nothing = 0;
        EXPECT_EQ(::read(ready[0], &nothing, 1), 0) << "until the child has closed its copies";
        ::close(ready[0]);
        helpers_.push_back({child, cgroups::UniqueFd(pair[1])});
        return GuardianHelper{child, cgroups::UniqueFd(pair[0])};
    }
    /// The operations of what the newest helper was sent since it was last asked; one that came with a
    /// descriptor in lower case.
    std::string received() {
        std::string out;
        while (true) {
            GuardianMessage message;
            iovec part{&message, sizeof message};
            alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
            msghdr packet{};
            packet.msg_iov = &part;
            packet.msg_iovlen = 1;
            packet.msg_control = control.data();
            packet.msg_controllen = control.size();
            if (::recvmsg(helpers_.back().socket.get(), &packet, MSG_DONTWAIT) != sizeof message) return out;
            sequence_ = message.sequence;
            const cmsghdr* header = CMSG_FIRSTHDR(&packet);
            if (header != nullptr) {
                int passed = -1;
                std::memcpy(&passed, CMSG_DATA(header), sizeof passed);
                ::close(passed);
            }
            out += static_cast<char>(header != nullptr ? std::tolower(message.op) : message.op);
        }
    }
    void answer(const GuardianAnswer& answer) {
        ASSERT_EQ(::send(helpers_.back().socket.get(), &answer, sizeof answer, MSG_NOSIGNAL),
                  static_cast<ssize_t>(sizeof answer));
    }
    void acknowledge() { answer({GuardianAnswer::kTaken, false, 0, sequence_, 0}); }
    void release(const cgroups::Directory& directory, bool signalled) {
        answer({GuardianAnswer::kReleased, signalled, directory.identity().inode, 0, 5});
    }
    cgroups::Directory directory(const std::string& id = "0123") {
        return std::move(*cgroups::Directory::open(tree_.path("system.slice/docker-" + id + ".scope")));
    }

    TempTree tree_;
    bool can_start_ = true;
    std::vector<Helper> helpers_;
    std::uint64_t sequence_ = 0;
    std::vector<BrakeRelease> released_;
    Guardian guardian_{[this](const std::string&) { return spawn(); }};
};

TEST_F(GuardianTest, SendsDirectoryAndProcessAndTheEnd) {
    const auto self = cgroups::PidFd::open_if(::getpid(), [](int) { return true; });
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    guardian_.will_stop(directory(), &*self, SIGTERM);
    guardian_.thawed(directory());
    guardian_.thawed(directory());
    EXPECT_EQ(received(), "fsT");
    EXPECT_FALSE(guardian_.busy());
}

TEST_F(GuardianTest, OneThatDiedIsReplacedAndGivenAllThatIsFrozen) {
    ASSERT_TRUE(guardian_.will_freeze(directory("4567")));
    guardian_.will_stop(directory("4567"), nullptr, SIGTERM);
    ::kill(helpers_.back().child, SIGKILL);
    siginfo_t end{};
    ::waitid(P_PID, static_cast<id_t>(helpers_.back().child), &end, WEXITED | WNOWAIT);
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    ASSERT_EQ(helpers_.size(), 2U);
    EXPECT_EQ(received().size(), 3U);
}

TEST_F(GuardianTest, WithoutAHelperNothingIsFrozenAndNothingIsKeptAsSent) {
    can_start_ = false;
    helpers_.back().socket.reset();
    EXPECT_FALSE(guardian_.will_freeze(directory())) << "the send failed, and there is no other one";
    EXPECT_FALSE(guardian_.busy());
    can_start_ = true;
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    EXPECT_EQ(received(), "f");
}

TEST_F(GuardianTest, OneThatCannotBeSentTheEndIsReplacedByOneThatNeverKnew) {
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    helpers_.back().socket.reset();
    guardian_.thawed(directory());
    ASSERT_EQ(helpers_.size(), 2U);
    EXPECT_EQ(received(), "");
}

TEST_F(GuardianTest, OneThatDoesNotAcknowledgeIsReplaced) {
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    guardian_.renew();
    guardian_.renew();
    ASSERT_EQ(helpers_.size(), 1U) << "it has two renewals' time";
    guardian_.renew();
    ASSERT_EQ(helpers_.size(), 2U);
    EXPECT_EQ(received(), "f");
    int status = 0;
    // Killed, not left to read the end of its socket and to release what the other one has.
    EXPECT_TRUE(::waitpid(helpers_.front().child, &status, 0) < 0 || WTERMSIG(status) == SIGKILL);
}

TEST_F(GuardianTest, OneThatAcknowledgesStays) {
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(received(), i == 0 ? "f" : "R");
        acknowledge();
        guardian_.renew();
    }
    EXPECT_EQ(helpers_.size(), 1U);
}

TEST_F(GuardianTest, TellsWhatWasReleasedOnceBeforeItActs) {
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    guardian_.will_stop(directory(), nullptr, SIGTERM);
    EXPECT_FALSE(guardian_.has_signalled(directory()));
    release(directory(), true);
    EXPECT_TRUE(guardian_.has_signalled(directory()));
    ASSERT_EQ(released_.size(), 1U);
    EXPECT_TRUE(released_[0].signalled);
    EXPECT_EQ(released_[0].cgroup, directory().identity().inode);
    EXPECT_EQ(released_[0].at, policies::TimePoint(policies::Duration(5)));
    guardian_.hear();
    EXPECT_EQ(released_.size(), 1U);
    // What it has released it is not sent again with the rest.
    received();
    guardian_.thawed(directory());
    EXPECT_EQ(received(), "");
}

TEST_F(GuardianTest, AFreezeThatTheLeaseOverranIsSentAgain) {
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    guardian_.will_stop(directory(), nullptr, SIGTERM);
    EXPECT_EQ(received(), "fS");
    release(directory(), false);
    guardian_.was_frozen(directory());
    EXPECT_EQ(received(), "fS");
    guardian_.was_frozen(directory());
    EXPECT_EQ(received(), "");
}

TEST_F(GuardianTest, WakesTheRenewalWhenTheFirstIsFrozen) {
    int woken = 0;
    guardian_.on_busy([&woken] { ++woken; });
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    ASSERT_TRUE(guardian_.will_freeze(directory("4567")));
    EXPECT_EQ(woken, 1);
    guardian_.thawed(directory());
    EXPECT_TRUE(guardian_.busy());
    guardian_.thawed(directory("4567"));
    EXPECT_FALSE(guardian_.busy());
    ASSERT_TRUE(guardian_.will_freeze(directory()));
    EXPECT_EQ(woken, 2);
}

TEST(Guardian, WithoutAHelperNothingMayBeFrozen) {
    TempTree tree;
    test::add_scope(tree, "0123", 1, "max");
    Guardian guardian;
    EXPECT_FALSE(guardian.start("/nonexistent"));
    EXPECT_FALSE(
        guardian.will_freeze(*cgroups::Directory::open(tree.path("system.slice/docker-0123.scope"))));
}

}  // namespace
}  // namespace governor::act
