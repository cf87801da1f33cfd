// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The guardian's own process: reads until its governor is gone, then undoes or finishes what was frozen. It
// uses nothing but the kernel's files, so that no state of the governor (Docker, the loop, the heap) can keep
// it from thawing.
#include "cgroup/directory.hpp"
#include "cgroup/process.hpp"
#include "governor/act/guardian.hpp"
#include "governor/act/guardian_protocol.hpp"
#include "governor/act/mark.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace governor::act {
namespace {

struct Frozen {
    cgroups::UniqueFd directory;
    int pid = 0;
    int signal = 0;
};
using FrozenMap = std::map<std::uint64_t, Frozen>;

bool receive(int fd, FrozenMap& frozen) {
    GuardianMessage message;
    iovec part{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr packet{};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    packet.msg_control = control.data();
    packet.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) return true;
    if (got != static_cast<ssize_t>(sizeof message)) return false;

    cgroups::UniqueFd passed;
    if (cmsghdr* header = CMSG_FIRSTHDR(&packet); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        int value = -1;
        std::memcpy(&value, CMSG_DATA(header), sizeof value);
        passed.reset(value);
    }
    switch (message.op) {
        case GuardianMessage::kFrozen:
            frozen[message.key].directory = std::move(passed);
            break;
        case GuardianMessage::kStopping:
            frozen[message.key].pid = message.pid;
            frozen[message.key].signal = message.signal;
            break;
        case GuardianMessage::kThawed:
            frozen.erase(message.key);
            break;
        default:
            break;
    }
    return true;
}

void write_at(int directory, const char* name, const char* text) {
    const cgroups::UniqueFd fd(::openat(directory, name, O_WRONLY | O_CLOEXEC));
    if (fd) static_cast<void>(!::write(fd.get(), text, std::strlen(text)));
}

std::vector<int> pids_at(int directory) {
    const cgroups::UniqueFd fd(::openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 4096> buffer;
    ssize_t got = 0;
    while (fd && (got = ::read(fd.get(), buffer.data(), buffer.size())) > 0)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return cgroups::parse_pids(text);
}

/// The stop signal, unless it is pending already (Docker may have delivered it: a frozen task still shows it)
/// or, for a process that is not PID 1, would only end it without its handler.
void signal_once(const cgroups::Processes& processes, int pid, int signal, bool is_main) {
    const auto status = processes.signal_status(pid);
    if (!status || status->pending(signal) || (!is_main && !status->may_handle(signal))) return;
    if (const auto process = cgroups::PidFd::open(pid)) static_cast<void>(process->send(signal));
}

void undo(const Frozen& item) {
    const int fd = item.directory.get();
    if (fd < 0) return;
    const cgroups::UniqueFd hold(::openat(fd, kHoldName, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (item.signal == 0) {
        // Only frozen: as if nothing had been. The tripwire stays and will stop it again for the next
        // governor.
        if (hold) write_at(hold.get(), "cgroup.freeze", "0");
        write_at(fd, "cgroup.freeze", "0");
        clear_mark_at(fd);
        return;
    }
    // A stop was asked for, and goes on without us. The held get their signal from here instead of from PID
    // 1: waiting for that would take time that this process does not have, because containerd kills what is
    // left of a container whose main process ended, and that is us.
    const cgroups::Processes processes;
    // The note says that the signal was delivered and PID 1 runs already: only the hold is still to be
    // thawed. A second SIGTERM means "quit at once" to many handlers.
    const auto mark = read_mark_at(fd);
    const bool delivered = mark && mark->stage == Stage::kSignalled;
    if (!delivered) signal_once(processes, item.pid, item.signal, true);
    if (hold)
        for (const int pid : pids_at(hold.get())) signal_once(processes, pid, item.signal, false);
    // For the next governor: a drain is under way. Without this it would brake the handler in the middle of
    // its work.
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (!delivered)
        set_mark_at(fd, {Stage::kSignalled,
                              policies::TimePoint(std::chrono::duration_cast<policies::Duration>(now))});
    write_at(fd, "memory.high", "max");
    write_at(fd, "cgroup.freeze", "0");
    if (hold) write_at(hold.get(), "cgroup.freeze", "0");
}

}  // namespace

int run_guardian(int fd) {
    // A terminal's or a service manager's signals are for the governor; this process ends when the governor
    // does.
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT}) ::signal(signal, SIG_IGN);
    ::setsid();
    // When memory is gone is when it is needed.
    ::mlockall(MCL_CURRENT | MCL_FUTURE);
    FrozenMap frozen;
    while (receive(fd, frozen)) {
    }
    for (const auto& [key, item] : frozen) undo(item);
    return 0;
}

}  // namespace governor::act
