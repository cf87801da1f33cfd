// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of Processes that reads what a process is and holds.
#include "cgroup/process.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace cgroups {
namespace {

/// A process may have megabytes of arguments: what is matched and shown stands in front.
constexpr std::size_t kMostArguments = 4096;

Bytes sum(std::string_view text, std::initializer_list<std::string_view> keys) {
    Bytes out;
    for (const std::string_view key : keys) out.value += parse_meminfo(text, key).value_or(Bytes{}).value;
    return out;
}

}  // namespace

std::string Processes::command_line(int pid) const {
    const UniqueFd fd(::open((root_ + "/" + std::to_string(pid) + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return {};
    std::string text(kMostArguments, '\0');
    const ssize_t got = ::read(fd.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!text.empty() && text.back() == '\0') text.pop_back();
    std::replace(text.begin(), text.end(), '\0', ' ');
    return text;
}

Result<std::pair<int, std::uint64_t>> Processes::parent_and_start(int pid) const {
    const std::string path = root_ + "/" + std::to_string(pid) + "/stat";
    const auto text = slurp(path);
    if (!text) return tl::make_unexpected(text.error());
    const auto stat = parse_process_stat(*text);
    if (!stat) return make_error(std::errc::invalid_argument, "understand", path);
    return std::pair{stat->parent, stat->start};
}

Result<ProcessLook> Processes::look(int pid) const {
    const std::string folder = root_ + "/" + std::to_string(pid);
    const auto text = slurp(folder + "/stat");
    if (!text) return tl::make_unexpected(text.error());
    const auto stat = parse_process_stat(*text);
    if (!stat) return make_error(std::errc::invalid_argument, "understand", folder + "/stat");
    const auto status = slurp(folder + "/status");
    if (!status) return tl::make_unexpected(status.error());
    ProcessLook out;
    out.pid = pid;
    out.parent = stat->parent;
    out.start = stat->start;
    out.comm = stat->comm;
    out.anonymous = sum(*status, {"RssAnon", "VmSwap"});
    struct stat exe {};
    if (::stat((folder + "/exe").c_str(), &exe) == 0) {
        out.exe_device = exe.st_dev;
        out.exe_inode = exe.st_ino;
    }
    return out;
}

Result<ProcessPages> Processes::pages(int pid) const {
    const std::string path = root_ + "/" + std::to_string(pid) + "/smaps_rollup";
    const auto text = slurp(path);
    if (!text) return tl::make_unexpected(text.error());
    if (!parse_meminfo(*text, "Private_Dirty"))
        return make_error(std::errc::invalid_argument, "understand", path);
    return ProcessPages{sum(*text, {"Private_Dirty", "SwapPss"}), sum(*text, {"Pss_Anon", "SwapPss"})};
}

}  // namespace cgroups
