// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/strays.hpp"

#include "cgroup/fd.hpp"
#include "cgroup/pid_fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <iomanip>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string_view>

namespace governor::hooks {
namespace {

using cgroups::UniqueFd;

/// A stray may fork while it is looked for; one that outruns so many looks is a fork bomb, and the
/// container's pids limit is for that.
constexpr int kMostLooks = 16;

std::optional<pid_t> pid_of(std::string_view name) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid <= 1) return std::nullopt;
    return pid;
}

/// Empty: a thread of the kernel, gone, or not ours to read.
std::string environment_of(const std::string& proc, pid_t pid) {
    // A program that made its environment larger than this by itself is not one that we look for.
    constexpr std::size_t kLongest = 256UL << 10U;
    constexpr std::size_t kPart = 16UL << 10U;
    const UniqueFd file(
        ::open((proc + "/" + std::to_string(pid) + "/environ").c_str(), O_RDONLY | O_CLOEXEC));
    std::string out;
    std::array<char, kPart> part{};
    while (file && out.size() < kLongest) {
        const ssize_t count = ::read(file.get(), part.data(), part.size());
        if (count <= 0) break;
        out.append(part.data(), static_cast<std::size_t>(count));
    }
    return out;
}

bool belongs(const std::string& proc, pid_t pid, std::string_view wanted) {
    const std::string environment = environment_of(proc, pid);
    for (std::size_t begin = 0; begin < environment.size();) {
        const std::size_t end = std::min(environment.find('\0', begin), environment.size());
        if (std::string_view(environment).substr(begin, end - begin) == wanted) return true;
        begin = end + 1;
    }
    return false;
}

/// How many were killed.
int kill_once(const std::string& proc, std::string_view wanted) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(proc.c_str()), ::closedir);
    int killed = 0;
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        const auto pid = pid_of(static_cast<const char*>(entry->d_name));
        if (!pid || !belongs(proc, *pid, wanted)) continue;
        const auto process =
            cgroups::PidFd::open_if(*pid, [&](int number) { return belongs(proc, number, wanted); });
        if (process && process->send(SIGKILL)) ++killed;
    }
    return killed;
}

}  // namespace

std::string new_run() {
    std::random_device chance;
    std::ostringstream out;
    constexpr int kParts = 4;
    for (int part = 0; part < kParts; ++part)
        out << std::hex << std::setw(8) << std::setfill('0') << chance();
    return out.str();
}

void kill_strays(const std::string& proc, const std::string& run) {
    const std::string wanted = kRunVariable + run;
    for (int look = 0; look < kMostLooks && kill_once(proc, wanted) > 0; ++look) {
    }
}

}  // namespace governor::hooks
