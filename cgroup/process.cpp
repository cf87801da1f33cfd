// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/process.hpp"

#include "cgroup/directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace cgroups {
namespace {

/// Several times what kernels print; what is looked for stands in the first lines.
constexpr std::size_t kMeminfoSize = 8192;

Result<void> write_number(int fd, int value, const std::string& path) {
    const std::string text = std::to_string(value);
    if (::write(fd, text.data(), text.size()) < 0) return errno_error("write " + text + " to", path);
    return {};
}

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

Result<SignalStatus> Processes::signal_status(const PidFd& process) const {
    auto status = signal_status(process.number());
    // It has the number after the read, so it had it during the read.
    if (status && !process.has_number()) return process.gone_error("read the signals of");
    return status;
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

Result<void> Processes::set_own_oom_score_adj(int value) const {
    const std::string path = root_ + "/self/oom_score_adj";
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return errno_error("open", path);
    return write_number(fd.get(), value, path);
}

Result<void> Processes::set_oom_score_adj(const PidFd& process, int value) const {
    const std::string path = root_ + "/" + std::to_string(process.number()) + "/oom_score_adj";
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return errno_error("open", path);
    // An open file of /proc stays with its process, and the process has its number after the opening.
    if (!process.has_number()) return process.gone_error("set oom_score_adj of");
    return write_number(fd.get(), value, path);
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

}  // namespace cgroups
