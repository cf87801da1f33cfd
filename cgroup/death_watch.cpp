// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/death_watch.hpp"

#include "cgroup/parse.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <span>

namespace cgroups {
namespace {

/// Kernel 6.13's PIDFD_GET_INFO with 6.15's exit code (include/uapi/linux/pidfd.h); Debian 12's headers do
/// not have it. Kept by the kernel after the parent's wait, for as long as the pidfd is open.
struct PidfdInfo {
    std::uint64_t mask = 0;
    std::uint64_t cgroupid = 0;
    std::uint32_t pid = 0;
    std::uint32_t tgid = 0;
    std::uint32_t ppid = 0;
    std::array<std::uint32_t, 8> ids{};
    std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kPidfdInfoExit = 1U << 3U;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

std::optional<int> kept_status(int pidfd) {
    PidfdInfo info;
    info.mask = kPidfdInfoExit;
    if (::ioctl(pidfd, kPidfdGetInfo, &info) != 0 || (info.mask & kPidfdInfoExit) == 0) return std::nullopt;
    return info.exit_code;
}

/// In one read: a second one, to see the file's end, could find the process gone and lose what the first
/// gave.
std::string_view read_once(int fd, std::span<char> buffer) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

}  // namespace

std::optional<int> parse_stat_exit_code(std::string_view text) {
    // The name in parentheses may hold anything; the state after it is field 3.
    auto at = text.rfind(')');
    constexpr int kSpacesToExitCode = 50;
    for (int i = 0; i < kSpacesToExitCode && at != std::string_view::npos; ++i) at = text.find(' ', at + 1);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + 1);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value == 0) return std::nullopt;
    return value;
}

Result<DeathWatch> DeathWatch::open(const PidFd& process, const std::string& proc_root) {
    DeathWatch out;
    const std::string folder = proc_root + "/" + std::to_string(process.number());
    out.process_ = &process;
    out.status_.reset(::open((folder + "/status").c_str(), O_RDONLY | O_CLOEXEC));
    if (!out.status_) return errno_error("open", folder + "/status");
    out.stat_.reset(::open((folder + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    // The open files stay with the process that had the number when they were opened.
    if (!process.has_number()) return process.gone_error("watch");
    return out;
}

Ending DeathWatch::look() const {
    Ending out;
    std::array<char, 4096> buffer;
    // The signals first: they are gone soonest. A SIGKILL to the process stays among its pending ones.
    if (const auto signals = parse_signal_status(read_once(status_.get(), buffer)))
        out.sigkill = SignalStatus::has(signals->pending_process, SIGKILL);
    out.wait_status = parse_stat_exit_code(read_once(stat_.get(), buffer));
    if (!out.wait_status) out.wait_status = kept_status(process_->fd());
    if (out.wait_status) out.sigkill = WIFSIGNALED(*out.wait_status) && WTERMSIG(*out.wait_status) == SIGKILL;
    return out;
}

}  // namespace cgroups
