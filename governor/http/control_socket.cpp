// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/control_socket.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

namespace governor::http {
namespace {

constexpr mode_t kMode = 0660;
constexpr int kBacklog = 64;

std::string failure(const std::string& path, const std::string& what, int code, const std::string& mend) {
    return "cannot listen on " + path + ": " + what + ": " + std::generic_category().message(code) + "; " +
           mend;
}

std::optional<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

cgroups::UniqueFd new_socket() {
    return cgroups::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* generic(const sockaddr_un& address) {
    const void* untyped = &address;
    return static_cast<const sockaddr*>(untyped);
}

/// Whether somebody listens. Does not wait: a full queue means that somebody does.
bool is_answered(const sockaddr_un& address) {
    const auto probe = new_socket();
    if (::connect(probe.get(), generic(address), sizeof address) == 0) return true;
    return errno == EAGAIN || errno == EINPROGRESS;
}

/// An error's message, or nothing when the way is free.
std::optional<std::string> clear_the_way(const std::string& path, const sockaddr_un& address) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return std::nullopt;
    if (!S_ISSOCK(info.st_mode)) {
        return "cannot listen on " + path +
               ": something that is not a socket is there; remove it or give another --socket";
    }
    if (is_answered(address)) {
        return "cannot listen on " + path +
               ": another governor answers there; stop it first, or give this one another --socket";
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return failure(path, "removing the socket that a dead governor left", errno, "remove it by hand");
    }
    return std::nullopt;
}

/// Two governors that start at once must not take each other's file away: a lock on the folder, held while
/// the file is looked at and replaced. It leaves nothing behind.
tl::expected<cgroups::UniqueFd, std::string> lock_folder(const std::string& path) {
    const auto parent = std::filesystem::absolute(path).parent_path();
    std::error_code code;
    std::filesystem::create_directories(parent, code);
    if (code)
        return tl::make_unexpected(failure(path, "making the folder " + parent.string(), code.value(),
                                           "check the path and its rights"));
    cgroups::UniqueFd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder)
        return tl::make_unexpected(
            failure(path, "opening the folder " + parent.string(), errno, "check its rights"));
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
        return tl::make_unexpected(
            failure(path, "locking the folder", errno, "another governor is starting just now: try again"));
    }
    return folder;
}

}  // namespace

tl::expected<ControlSocket, std::string> ControlSocket::listen(const std::string& path) {
    const auto address = address_of(path);
    if (!address) {
        return tl::make_unexpected("cannot listen on \"" + path + "\": a socket's path has 1 to " +
                                   std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                                   " bytes; give a shorter --socket");
    }
    const auto lock = lock_folder(path);
    if (!lock) return tl::make_unexpected(lock.error());
    if (auto problem = clear_the_way(path, *address)) return tl::make_unexpected(std::move(*problem));

    ControlSocket out;
    out.path_ = path;
    out.fd_ = new_socket();
    // Linux makes the file with the socket's own mode less the umask: there is no moment at which everybody
    // may connect.
    if (!out.fd_ || ::fchmod(out.fd_.get(), kMode) != 0 ||
        ::bind(out.fd_.get(), generic(*address), sizeof *address) != 0) {
        return tl::make_unexpected(
            failure(path, "making the socket", errno, "check that the folder can be written"));
    }
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) {
        out.device_ = info.st_dev;
        out.inode_ = info.st_ino;
    }
    if (::chmod(path.c_str(), kMode) != 0)
        return tl::make_unexpected(
            failure(path, "setting its mode", errno, "check the folder's file system"));
    if (::listen(out.fd_.get(), kBacklog) != 0)
        return tl::make_unexpected(failure(path, "listening", errno, "give another --socket"));
    return out;
}

ControlSocket::~ControlSocket() {
    struct stat info {};
    // A moved-from object has an empty path.
    if (path_.empty() || inode_ == 0 || ::lstat(path_.c_str(), &info) != 0) return;
    if (info.st_dev == device_ && info.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace governor::http
