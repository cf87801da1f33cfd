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
#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace governor::act {
namespace {

/// A helper that was killed and does not end hangs in the kernel. With so many of them another one would hang
/// as well.
constexpr std::size_t kMostUnreaped = 4;

}  // namespace

std::string guardian_program(const std::string& own) {
    std::array<char, 4096> path;
    const ssize_t length = ::readlink(own.c_str(), path.data(), path.size());
    if (length <= 0 || length == static_cast<ssize_t>(path.size())) return own;
    std::string beside(path.data(), static_cast<std::size_t>(length));
    beside.resize(beside.rfind('/') + 1);
    beside += "governor-guardian";
    return ::access(beside.c_str(), X_OK) == 0 ? beside : own;
}

cgroups::Result<GuardianHelper> spawn_guardian(const std::string& program) {
    std::array<int, 2> pair{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return cgroups::errno_error("make a socket pair for", "the guardian");
    GuardianHelper out;
    out.socket.reset(pair[0]);
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
    const int error = ::posix_spawn(&out.child, program.c_str(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        errno = error;
        return cgroups::errno_error("start the guardian", program);
    }
    return out;
}

Guardian::~Guardian() {
    socket_.reset();
    // It ends by itself when the socket closes, after a few writes at most.
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
}

// ---- the helper's process
// ----------------------------------------------------------------------------------------------

cgroups::Result<void> Guardian::start(const std::string& program) {
    program_ = program;
    end_helper();
    if (auto spawned = spawn(); !spawned) return spawned;
    for (auto& [key, entry] : frozen_) {
        if (entry.released) continue;
        if (!send_frozen(key, entry) || (entry.signal != 0 && !send_stopping(key, entry))) {
            end_helper();
            return cgroups::make_error(std::errc::broken_pipe, "send what is frozen to", program);
        }
    }
    return {};
}

cgroups::Result<void> Guardian::spawn() {
    auto helper = spawn_(program_);
    if (!helper) return tl::make_unexpected(helper.error());
    child_ = helper->child;
    socket_ = std::move(helper->socket);
    // Our own child, which was not waited for: its number is its own.
    auto process = cgroups::PidFd::open_if(child_, [](int) { return true; });
    if (process) process_ = std::move(*process);
    sent_ = taken_ = 0;
    sent_before_ = {};
    return {};
}

/// Without waiting for it. The signal comes before the socket closes: a helper that is only slow must not
/// release what another one is given.
void Guardian::end_helper() {
    if (process_) static_cast<void>(process_->send(SIGKILL));
    process_.reset();
    socket_.reset();
    if (child_ > 0) unreaped_.push_back(child_);
    child_ = -1;
    reap();
}

/// Those that were killed, as far as they have ended.
void Guardian::reap() {
    std::erase_if(unreaped_, [](pid_t child) { return ::waitpid(child, nullptr, WNOHANG) != 0; });
}

bool Guardian::restart() {
    return unreaped_.size() < kMostUnreaped && start(program_);
}

bool Guardian::ensure() {
    if (child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) == 0) return true;
    child_ = -1;
    return restart();
}

// ---- what it is given
// --------------------------------------------------------------------------------------------------

bool Guardian::will_freeze(const cgroups::Directory& directory) {
    hear();
    if (!ensure()) return false;
    const std::uint64_t key = directory.identity().inode;
    const auto known = frozen_.find(key);
    if (known != frozen_.end()) {
        if (!known->second.released) return true;
        known->second.released.reset();
        if (send_frozen(key, known->second) &&
            (known->second.signal == 0 || send_stopping(key, known->second)))
            return true;
        return restart();
    }
    Entry entry;
    entry.directory.reset(::fcntl(directory.fd(), F_DUPFD_CLOEXEC, 0));
    if (!entry.directory) return false;
    const bool was_busy = busy();
    const auto added = frozen_.emplace(key, std::move(entry)).first;
    // A helper that is started again is given this one with the others.
    if (!send_frozen(key, added->second) && !restart()) {
        frozen_.erase(added);
        return false;
    }
    if (!was_busy && busy_) busy_();
    return true;
}

void Guardian::was_frozen(const cgroups::Directory& directory) {
    hear();
    const auto found = frozen_.find(directory.identity().inode);
    if (found != frozen_.end() && found->second.released) will_freeze(directory);
}

void Guardian::will_stop(const cgroups::Directory& directory, const cgroups::PidFd* process, int signal) {
    hear();
    const auto found = frozen_.find(directory.identity().inode);
    if (found == frozen_.end()) return;
    Entry& entry = found->second;
    entry.process.reset(process != nullptr ? ::fcntl(process->fd(), F_DUPFD_CLOEXEC, 0) : -1);
    entry.pid = entry.process ? process->number() : 0;
    entry.signal = signal;
    if (!entry.released && !send_stopping(found->first, entry)) restart();
}

void Guardian::thawed(const cgroups::Directory& directory) {
    const auto found = frozen_.find(directory.identity().inode);
    if (found == frozen_.end()) return;
    const std::uint64_t key = found->first;
    const bool released = found->second.released.has_value();
    frozen_.erase(found);
    // A helper that does not learn of it would act on this container later: another one is started, which
    // never knew of it.
    if (!released && !send(GuardianMessage::kThawed, key, nullptr, -1)) restart();
}

bool Guardian::has_signalled(const cgroups::Directory& directory) {
    hear();
    const auto found = frozen_.find(directory.identity().inode);
    return found != frozen_.end() && found->second.released && found->second.released->signalled;
}

void Guardian::renew() {
    hear();
    reap();
    if (!busy()) return;
    // Two renewals ago: so this loop has turned twice since, and its own pauses do not count against the
    // helper.
    if (!ensure()) return;
    if (taken_ < sent_before_[0] || !send(GuardianMessage::kRenew, 0, nullptr, -1)) restart();
    sent_before_ = {sent_before_[1], sent_};
}

// ---- messages
// ----------------------------------------------------------------------------------------------------------

bool Guardian::send_frozen(std::uint64_t key, const Entry& entry) {
    return send(GuardianMessage::kFrozen, key, &entry, entry.directory.get());
}

bool Guardian::send_stopping(std::uint64_t key, const Entry& entry) {
    return send(GuardianMessage::kStopping, key, &entry, entry.process ? entry.process.get() : -1);
}

bool Guardian::send(char op, std::uint64_t key, const Entry* entry, int passed) {
    if (!socket_) return false;
    GuardianMessage message{op, entry != nullptr ? entry->pid : 0, entry != nullptr ? entry->signal : 0, key,
                            sent_ + 1};
    iovec part{&message, sizeof message};
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (passed >= 0) {
        packet.msg_control = control.data();
        packet.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &passed, sizeof(int));
    }
    if (::sendmsg(socket_.get(), &packet, MSG_DONTWAIT | MSG_NOSIGNAL) !=
        static_cast<ssize_t>(sizeof message))
        return false;
    ++sent_;
    return true;
}

void Guardian::hear() {
    GuardianAnswer answer;
    while (socket_ && ::recv(socket_.get(), &answer, sizeof answer, MSG_DONTWAIT) ==
                          static_cast<ssize_t>(sizeof answer)) {
        if (answer.op == GuardianAnswer::kTaken) taken_ = answer.sequence;
        if (answer.op == GuardianAnswer::kReleased)
            release({answer.key, answer.signalled, policies::TimePoint(policies::Duration(answer.at_ns))});
    }
}

void Guardian::release(const BrakeRelease& release) {
    const auto found = frozen_.find(release.cgroup);
    if (found == frozen_.end()) return;
    found->second.released = release;
    if (released_) released_(release);
}

}  // namespace governor::act
