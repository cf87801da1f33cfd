// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/process.hpp"

#include "cgroup/directory.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>

namespace cgroups {
namespace {

/// Several times what kernels print; what is looked for stands in the first lines.
constexpr std::size_t kMeminfoSize = 8192;

}  // namespace

Result<std::string> Processes::slurp(const std::string& path) const {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno_error("open", path);
    std::string text;
    std::array<char, 4096> buffer;
    while (true) {
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0) return errno_error("read", path);
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

Result<SignalStatus> Processes::signal_status(int pid) const {
    const std::string path = root_ + "/" + std::to_string(pid) + "/status";
    auto text = slurp(path);
    if (!text) return tl::make_unexpected(text.error());
    const auto status = parse_signal_status(*text);
    if (!status) return make_error(std::errc::invalid_argument, "understand", path);
    return *status;
}

Result<std::string> Processes::cgroup_path(int pid) const {
    const std::string path = root_ + "/" + std::to_string(pid) + "/cgroup";
    auto text = slurp(path);
    if (!text) return tl::make_unexpected(text.error());
    std::string_view rest = *text;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        if (line.starts_with("0::")) return std::string(line.substr(3));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return make_error(std::errc::no_such_file_or_directory, "find the cgroup v2 line in", path);
}

Result<void> Processes::set_oom_score_adj(int pid, int value) const {
    const std::string path =
        root_ + "/" + (pid == 0 ? std::string("self") : std::to_string(pid)) + "/oom_score_adj";
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return errno_error("open", path);
    const std::string text = std::to_string(value);
    if (::write(fd.get(), text.data(), text.size()) < 0) return errno_error("write " + text + " to", path);
    return {};
}

Result<int> Processes::oom_score_adj(int pid) const {
    const std::string path = root_ + "/" + std::to_string(pid) + "/oom_score_adj";
    const auto text = slurp(path);
    if (!text) return tl::make_unexpected(text.error());
    int value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{}) return make_error(std::errc::invalid_argument, "understand", path);
    return value;
}

Result<std::string_view> Processes::meminfo(std::span<char> buffer) const {
    const UniqueFd fd(::open(meminfo_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno_error("open", meminfo_);
    return read_held(fd.get(), buffer, meminfo_);
}

Result<HostMemory> Processes::host_memory() const {
    std::array<char, kMeminfoSize> buffer;
    const auto text = meminfo(buffer);
    if (!text) return tl::make_unexpected(text.error());
    const auto total = parse_meminfo(*text, "MemTotal");
    const auto available = parse_meminfo(*text, "MemAvailable");
    if (!total || !available) return make_error(std::errc::invalid_argument, "understand", meminfo_);
    return HostMemory{*total, *available};
}

Result<PidFd> PidFd::open(int pid) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!fd) return errno_error("open a pidfd for process", std::to_string(pid));
    return PidFd(std::move(fd), pid);
}

Result<void> PidFd::send(int signal) const {
    if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) != 0)
        return errno_error("send signal " + std::to_string(signal) + " to process", std::to_string(pid_));
    return {};
}

}  // namespace cgroups
