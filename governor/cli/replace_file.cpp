// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/replace_file.hpp"

#include "cgroup/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace governor::cli {
namespace {

constexpr mode_t kNewFile = 0644;

/// Empty when all of it was written.
std::string write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::strerror(errno);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(fd) == 0 ? std::string() : std::string(std::strerror(errno));
}

/// Mode and owner of the file that is replaced. A new one is as the user's umask wants it.
std::string take_over(int fd, const std::string& path) {
    struct stat old {};
    if (::stat(path.c_str(), &old) != 0) {
        const mode_t mask = ::umask(0);
        ::umask(mask);
        return ::fchmod(fd, kNewFile & ~mask) == 0 ? std::string() : std::string(std::strerror(errno));
    }
    if (!S_ISREG(old.st_mode)) return "it is not a regular file";
    // Only root may give a file away; whoever else writes here owns the new one.
    const bool same_owner = ::fchown(fd, old.st_uid, old.st_gid) == 0;
    const mode_t mode = old.st_mode & (same_owner ? mode_t{07777} : mode_t{0777});
    return ::fchmod(fd, mode) == 0 ? std::string() : std::string(std::strerror(errno));
}

}  // namespace

std::string replace_file(const std::string& path, const std::string& text) {
    std::error_code code;
    auto target = std::filesystem::weakly_canonical(path, code).string();
    if (code || target.empty()) target = path;
    std::string part = target + ".XXXXXX";
    const auto failed = [&](const std::string& reason) {
        return "cannot write " + path + ": " + reason + "; it is as it was";
    };
    const cgroups::UniqueFd fd(::mkostemp(part.data(), O_CLOEXEC));
    if (!fd) return failed(std::strerror(errno));
    std::string reason = write_all(fd.get(), text);
    if (reason.empty()) reason = take_over(fd.get(), target);
    if (reason.empty() && ::rename(part.c_str(), target.c_str()) != 0) reason = std::strerror(errno);
    if (reason.empty()) return {};
    ::unlink(part.c_str());
    return failed(reason);
}

}  // namespace governor::cli
