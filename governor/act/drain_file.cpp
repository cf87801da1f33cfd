// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/drain_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace governor::act {
namespace {

using cgroups::errno_error;
using cgroups::make_error;
using cgroups::Result;
using cgroups::UniqueFd;

/// By this content a later call knows that the file is the governor's own.
constexpr std::string_view kContent = "Made by governor before a restart, and removed by it afterwards.\n";

/// statfs(2): file systems whose server may not answer.
constexpr std::array kRemote{0x6969UL,       // NFS
                             0x517BUL,       // SMB
                             0xFE534D42UL,   // SMB2
                             0xFF534D42UL,   // CIFS
                             0x00C36400UL,   // Ceph
                             0x01021997UL,   // 9P
                             0x5346414FUL,   // AFS
                             0x65735546UL,   // FUSE, virtiofs
                             0x73757245UL};  // Coda

struct Place {
    UniqueFd folder;  ///< O_PATH
    std::string name;
};

Result<Place> open_folder(const UniqueFd& root, const std::string& path) {
    const auto slash = path.rfind('/');
    if (path.empty() || path.front() != '/' || slash + 1 == path.size())
        return make_error(std::errc::invalid_argument, "use the path", path);
    const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root.get(), folder.c_str(), &how, sizeof how)));
    if (!fd) return errno_error("open the container's folder", folder);
    struct statfs kind {};
    if (::fstatfs(fd.get(), &kind) != 0) return errno_error("look up the file system of", folder);
    const auto type = static_cast<std::uint32_t>(kind.f_type);
    if (std::find(kRemote.begin(), kRemote.end(), type) != kRemote.end())
        return make_error(std::errc::not_supported, "use a network or FUSE file system for", path);
    return Place{std::move(fd), path.substr(slash + 1)};
}

Result<DrainFile> accept_existing(const Place& place, const std::string& path) {
    struct stat status {};
    if (::fstatat(place.folder.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno_error("look up", path);
    if (S_ISREG(status.st_mode)) return DrainFile::kWasThere;
    return make_error(std::errc::file_exists, "create a regular file as", path);
}

}  // namespace

Result<DrainFile> create_drain_file(const UniqueFd& root, const std::string& path) {
    const auto place = open_folder(root, path);
    if (!place) return tl::make_unexpected(place.error());
    // O_EXCL: a link, a pipe or a device that has the name is not opened.
    const UniqueFd file(::openat(place->folder.get(), place->name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
    if (!file) {
        if (errno == EEXIST) return accept_existing(*place, path);
        return errno_error("create", path);
    }
    // The daemon's umask is not the container's.
    const bool good =
        ::fchmod(file.get(), 0644) == 0 &&
        ::write(file.get(), kContent.data(), kContent.size()) == static_cast<ssize_t>(kContent.size());
    if (good) return DrainFile::kCreated;
    // Without its content it could not be told from another's, and would stay for ever.
    const auto error = errno_error("write", path);
    ::unlinkat(place->folder.get(), place->name.c_str(), 0);
    return error;
}

Result<bool> remove_drain_file(const UniqueFd& root, const std::string& path) {
    const auto place = open_folder(root, path);
    if (!place) return tl::make_unexpected(place.error());
    // First without opening it: what the container put there may be a device or a pipe.
    const UniqueFd found(::openat(place->folder.get(), place->name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!found) return errno_error("open", path);
    struct stat status {};
    if (::fstat(found.get(), &status) != 0) return errno_error("look up", path);
    if (!S_ISREG(status.st_mode) || status.st_size != static_cast<off_t>(kContent.size())) return false;
    const std::string again = "/proc/self/fd/" + std::to_string(found.get());
    const UniqueFd file(::open(again.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file) return errno_error("read", path);
    std::array<char, kContent.size()> content{};
    if (::read(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
        return false;
    if (std::string_view(content.data(), content.size()) != kContent) return false;
    if (::unlinkat(place->folder.get(), place->name.c_str(), 0) != 0) return errno_error("remove", path);
    return true;
}

}  // namespace governor::act
