// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/kernel_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace cgroups {

Result<KernelLog> KernelLog::open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return errno_error("open the kernel's log", path);
    KernelLog log(std::move(fd), path);
    // The rights are asked at the open; a device that answers nothing sensible shows here.
    if (::lseek(log.fd(), 0, SEEK_SET) < 0 && errno != ESPIPE)
        return errno_error("rewind the kernel's log", path);
    return log;
}

Result<std::string_view> KernelLog::next() {
    constexpr int kMostTries = 16;
    for (int i = 0; i < kMostTries; ++i) {
        const ssize_t got = ::read(fd_.get(), buffer_.data(), buffer_.size());
        if (got >= 0) return std::string_view(buffer_.data(), static_cast<std::size_t>(got));
        if (errno == EAGAIN) return std::string_view();
        if (errno == EPIPE) {
            ++lost_;
        } else if (errno != EINTR) {
            return errno_error("read the kernel's log", path_);
        }
    }
    return std::string_view();
}

}  // namespace cgroups
