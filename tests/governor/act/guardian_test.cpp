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
#include <cstring>

namespace governor::act {
namespace {

/// Sends one message as the governor does.
void send(int socket, char op, std::uint64_t key, int pass_fd, int signal) {
    GuardianMessage message{op, 0, signal, key};
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
