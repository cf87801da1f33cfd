// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The guardian's own process: reads until its governor is gone or silent for too long, then undoes or
// finishes what was frozen.
#include "governor/act/guardian.hpp"
#include "governor/act/guardian_protocol.hpp"
#include "governor/act/kept_brakes.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>

namespace governor::act {
namespace {

policies::TimePoint monotonic_now() {
    return policies::TimePoint(
        std::chrono::duration_cast<policies::Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

enum class Received { kMessage, kNothing, kEnd };

Received receive(int fd, GuardianMessage& message, cgroups::UniqueFd& passed) {
    iovec part{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    packet.msg_control = control.data();
    packet.msg_controllen = control.size();
    ssize_t got = 0;
    do {
        got = ::recvmsg(fd, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) return Received::kNothing;
    if (got != static_cast<ssize_t>(sizeof message)) return Received::kEnd;
    if (cmsghdr* header = CMSG_FIRSTHDR(&packet); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        int value = -1;
        std::memcpy(&value, CMSG_DATA(header), sizeof value);
        passed.reset(value);
    }
    return Received::kMessage;
}

/// What waits to be sent to the governor. A governor that hangs does not read: nothing is waited for.
class Outbox {
  public:
    explicit Outbox(int fd) : fd_(fd) {}
    void add(const GuardianAnswer& answer) { waiting_.push_back(answer); }
    bool empty() const { return waiting_.empty(); }
    void flush() {
        while (!waiting_.empty() &&
               ::send(fd_, &waiting_.front(), sizeof(GuardianAnswer), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
            waiting_.pop_front();
    }

  private:
    int fd_;
    std::deque<GuardianAnswer> waiting_;  ///< at most one for each brake that was released, and an ack
};

/// All that waits in the socket, then one acknowledgement for it. `kept`: every message so far could be kept.
/// False: the governor is gone.
bool take_all(int fd, KeptBrakes& brakes, Outbox& outbox, bool& kept) {
    std::uint64_t taken = 0;
    while (true) {
        GuardianMessage message;
        cgroups::UniqueFd passed;
        const Received got = receive(fd, message, passed);
        if (got == Received::kEnd) return false;
        if (got == Received::kNothing) break;
        // One that cannot be kept is not acknowledged, nor is any after it: the governor starts another
        // guardian and sends all of it again.
        kept = brakes.take(message, std::move(passed)) && kept;
        if (kept) taken = message.sequence;
    }
    if (taken != 0) outbox.add({GuardianAnswer::kTaken, false, 0, taken, 0});
    return true;
}

}  // namespace

int run_guardian(int fd) {
    // A terminal's or a service manager's signals are for the governor; this process ends when the governor
    // does.
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT}) ::signal(signal, SIG_IGN);
    ::setsid();
    // Two descriptors for each brake; what the governor was started with may be 1024.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    // When memory is gone is when it is needed.
    ::mlockall(MCL_CURRENT | MCL_FUTURE);
    constexpr int kStepMs = std::chrono::milliseconds(kLeaseStep).count();
    KeptBrakes brakes;
    Outbox outbox(fd);
    policies::TimePoint before = monotonic_now();
    bool kept = true;
    while (true) {
        pollfd wanted{fd, POLLIN, 0};
        const bool idle = brakes.empty();
        ::poll(&wanted, 1, idle && outbox.empty() ? -1 : kStepMs);
        // What waits in the socket counts before the clock: the renewals may have come while this process had
        // no CPU time.
        if (!take_all(fd, brakes, outbox, kept)) break;
        const policies::TimePoint now = monotonic_now();
        for (const GuardianAnswer& answer : brakes.pass(idle ? policies::Duration{0} : now - before, now))
            outbox.add(answer);
        before = now;
        outbox.flush();
    }
    brakes.release_all(monotonic_now());
    return 0;
}

}  // namespace governor::act
