// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/pid_fd.hpp"

#include "cgroup/directory.hpp"
#include "cgroup/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace cgroups {
namespace {

/// Whether the process is in the cgroup itself or in one below it (an init system in the container, the
/// hold).
Result<bool> is_member(int pid, const Directory& cgroup, const Processes& processes) {
    // The directory's fd answers for this cgroup only, whatever has its path by now.
    const auto pids = cgroup.pids();
    if (!pids) return tl::make_unexpected(pids.error());
    if (std::find(pids->begin(), pids->end(), pid) != pids->end()) return true;
    const auto path = processes.cgroup_path(pid);
    if (!path) return tl::make_unexpected(path.error());
    // The cgroup exists, so no other one has its name. What stands before the name may differ: a private
    // cgroup namespace shows other paths.
    const std::string& own = cgroup.path();
    const std::string name = own.substr(own.rfind('/'));
    const auto at = path->find(name);
    return at != std::string::npos && (*path + "/")[at + name.size()] == '/';
}

}  // namespace

Result<PidFd> PidFd::open_unverified(int pid) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd) return errno_error("open a pidfd for process", std::to_string(pid));
    return PidFd(std::move(fd), pid);
}

Result<PidFd> PidFd::open(int pid, const Directory& cgroup, const Processes& processes) {
    if (pid <= 0) return make_error(std::errc::invalid_argument, "hold process", std::to_string(pid));
    auto opened = open_unverified(pid);
    if (!opened) return opened;
    const auto member = is_member(pid, cgroup, processes);
    if (!opened->has_number()) return opened->gone_error("hold");
    if (!member) return tl::make_unexpected(member.error());
    if (!*member) return opened->foreign_error();
    return opened;
}

Result<void> PidFd::send(int signal) const {
    if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) != 0)
        return errno_error("send signal " + std::to_string(signal) + " to process", std::to_string(pid_));
    return {};
}

bool PidFd::has_number() const {
    // Signal 0 is not sent. The kernel finds a process that has ended, too, until it was waited for.
    return ::syscall(SYS_pidfd_send_signal, fd_.get(), 0, nullptr, 0) == 0 || errno != ESRCH;
}

bool PidFd::has_ended() const {
    pollfd ended{fd_.get(), POLLIN, 0};
    return ::poll(&ended, 1, 0) == 1;
}

Result<void> PidFd::release_memory() const {
    constexpr long kProcessMrelease = 448;  // the same on all architectures; libc 2.36 has no name for it
    if (::syscall(kProcessMrelease, fd_.get(), 0) != 0)
        return errno_error("release the memory of process", std::to_string(pid_));
    return {};
}

tl::unexpected<Error> PidFd::gone_error(std::string_view what) const {
    return make_error(std::errc::no_such_process, std::string(what) + " process", std::to_string(pid_));
}

tl::unexpected<Error> PidFd::foreign_error() const {
    return make_error(std::errc::permission_denied, "hold",
                      "process " + std::to_string(pid_) +
                          ", which is in another cgroup than the container (run with `pid: host`)");
}

std::vector<PidFd> open_listed(const std::vector<int>& pids, const Directory& cgroup) {
    return open_listed(pids, cgroup.fd());
}

std::vector<PidFd> open_listed(const std::vector<int>& pids, int cgroup_fd) {
    std::vector<PidFd> out;
    for (const int pid : pids) {
        if (pid <= 0) continue;
        // Verified below, for all of them with one read.
        if (auto opened = PidFd::open_if(pid, [](int) { return true; })) out.push_back(std::move(*opened));
    }
    const std::vector<int> now = pids_at(cgroup_fd);
    std::erase_if(out, [&now](const PidFd& process) {
        return std::find(now.begin(), now.end(), process.number()) == now.end() || !process.has_number();
    });
    return out;
}

}  // namespace cgroups
