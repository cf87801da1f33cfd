// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/guardian.hpp"

#include "governor/act/guardian_protocol.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

extern char** environ;

namespace governor::act {

std::string guardian_program(const std::string& own) {
    std::array<char, 4096> path;
    const ssize_t length = ::readlink(own.c_str(), path.data(), path.size());
    if (length <= 0 || length == static_cast<ssize_t>(path.size())) return own;
    std::string beside(path.data(), static_cast<std::size_t>(length));
    beside.resize(beside.rfind('/') + 1);
    beside += "governor-guardian";
    return ::access(beside.c_str(), X_OK) == 0 ? beside : own;
}

Guardian::~Guardian() {
    for (auto& [key, entry] : frozen_) ::close(entry.fd);
    stop();
}

void Guardian::stop() {
    socket_.reset();
    // It ends by itself when the socket closes, after a few writes at most.
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
    child_ = -1;
}

cgroups::Result<void> Guardian::start(const std::string& program) {
    program_ = program;
    stop();
    std::array<int, 2> pair{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return cgroups::errno_error("make a socket pair for", "the guardian");
    cgroups::UniqueFd ours(pair[0]);
    const cgroups::UniqueFd theirs(pair[1]);

    constexpr int kChildFd = 3;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), kChildFd);
    std::string name = "governor";
    std::string command = "guardian";
    std::string option = "--fd";
    std::string value = std::to_string(kChildFd);
    std::array<char*, 5> argv{name.data(), command.data(), option.data(), value.data(), nullptr};
    const int error = ::posix_spawn(&child_, program.c_str(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        child_ = -1;
        errno = error;
        return cgroups::errno_error("start the guardian", program);
    }
    socket_ = std::move(ours);
    for (const auto& [key, entry] : frozen_) {
        send(GuardianMessage::kFrozen, key, entry, true);
        if (entry.pid != 0) send(GuardianMessage::kStopping, key, entry, false);
    }
    return {};
}

bool Guardian::ensure() {
    if (child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) == 0) return true;
    child_ = -1;
    return static_cast<bool>(start(program_));
}

bool Guardian::will_freeze(const cgroups::Directory& directory) {
    if (!ensure()) return false;
    const std::uint64_t key = directory.identity().inode;
    if (frozen_.contains(key)) return true;
    const Entry entry{::fcntl(directory.fd(), F_DUPFD_CLOEXEC, 0), 0, 0};
    if (entry.fd < 0) return false;
    frozen_.emplace(key, entry);
    return send(GuardianMessage::kFrozen, key, entry, true);
}

void Guardian::will_stop(const cgroups::Directory& directory, int pid, int signal) {
    const auto found = frozen_.find(directory.identity().inode);
    if (found == frozen_.end()) return;
    found->second.pid = pid;
    found->second.signal = signal;
    send(GuardianMessage::kStopping, found->first, found->second, false);
}

void Guardian::thawed(const cgroups::Directory& directory) {
    const auto found = frozen_.find(directory.identity().inode);
    if (found == frozen_.end()) return;
    send(GuardianMessage::kThawed, found->first, found->second, false);
    ::close(found->second.fd);
    frozen_.erase(found);
}

bool Guardian::send(char op, std::uint64_t key, const Entry& entry, bool with_fd) {
    GuardianMessage message{op, entry.pid, entry.signal, key};
    iovec part{&message, sizeof message};
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (with_fd) {
        packet.msg_control = control.data();
        packet.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &entry.fd, sizeof(int));
    }
    // Never wait for the helper: it only reads, and its queue holds far more than one message per container.
    return ::sendmsg(socket_.get(), &packet, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(sizeof message);
}

}  // namespace governor::act
