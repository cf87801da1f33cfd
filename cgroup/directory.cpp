// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>

namespace cgroups {
namespace {

/// Names are short and come from this project: a fixed buffer saves an allocation on every read.
class CName {
  public:
    explicit CName(std::string_view name) {
        const std::size_t size = name.size() < text_.size() ? name.size() : text_.size() - 1;
        name.copy(text_.data(), size);
        text_[size] = '\0';
    }
    const char* get() const { return text_.data(); }

  private:
    std::array<char, 256> text_{};
};

/// A list of any length: read on until the end, not into one buffer. Nothing when a read fails; errno has the
/// reason.
std::optional<std::string> read_list(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    while (true) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0) return std::nullopt;
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

Result<Directory> Directory::open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return errno_error("open cgroup", path);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return errno_error("stat cgroup", path);
    return Directory(std::move(fd), path, Identity{info.st_dev, info.st_ino});
}

Result<Directory> Directory::child(std::string_view name, bool create) const {
    const CName c_name(name);
    std::string path = path_.str() + "/" + std::string(name);
    if (create && ::mkdirat(fd_.get(), c_name.get(), 0755) != 0 && errno != EEXIST)
        return errno_error("make cgroup", path);
    UniqueFd fd(::openat(fd_.get(), c_name.get(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return errno_error("open cgroup", path);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return errno_error("stat cgroup", path);
    return Directory(std::move(fd), std::move(path), Identity{info.st_dev, info.st_ino});
}

Result<void> Directory::remove_child(std::string_view name) const {
    if (::unlinkat(fd_.get(), CName(name).get(), AT_REMOVEDIR) != 0)
        return errno_error("remove cgroup", path() + "/" + std::string(name));
    return {};
}

Result<UniqueFd> Directory::open_file(std::string_view name, int flags) const {
    UniqueFd fd(::openat(fd_.get(), CName(name).get(), flags | O_CLOEXEC));
    if (!fd) return errno_error("open", path() + "/" + std::string(name));
    return fd;
}

Result<std::vector<std::string>> Directory::children() const {
    // A descriptor of its own: closedir() closes it, and it has its own position.
    const int fd = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno_error("open", path());
    DIR* listing = ::fdopendir(fd);
    if (listing == nullptr) {
        const int error = errno;
        ::close(fd);
        errno = error;
        return errno_error("list", path());
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(listing)) {
        const std::string_view name = entry->d_name;
        if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(listing);
    return names;
}

Result<std::string_view> Directory::read(std::string_view name, std::span<char> buffer) const {
    auto fd = open_file(name, O_RDONLY);
    if (!fd) return tl::make_unexpected(fd.error());
    return read_held(fd->get(), buffer, path());
}

Result<void> Directory::write(std::string_view name, std::string_view text) const {
    // O_TRUNC means nothing to the kernel's files; an ordinary file must not keep the end of a longer number.
    auto fd = open_file(name, O_WRONLY | O_TRUNC);
    if (!fd) return tl::make_unexpected(fd.error());
    if (::write(fd->get(), text.data(), text.size()) < 0)
        return errno_error("write \"" + std::string(text) + "\" to", path() + "/" + std::string(name));
    return {};
}

Result<Bytes> Directory::read_bytes(std::string_view name) const {
    std::array<char, 64> buffer;
    auto text = read(name, buffer);
    if (!text) return tl::make_unexpected(text.error());
    const auto value = parse_bytes(*text);
    if (!value)
        return make_error(std::errc::invalid_argument, "understand", path() + "/" + std::string(name));
    return *value;
}

Result<void> Directory::write_bytes(std::string_view name, Bytes value) const {
    return write(name, value == kMax ? std::string("max") : std::to_string(value.value));
}

Result<MemoryEvents> Directory::memory_events() const {
    std::array<char, 512> buffer;
    auto text = read("memory.events", buffer);
    if (!text) return tl::make_unexpected(text.error());
    const auto value = parse_memory_events(*text);
    if (!value) return make_error(std::errc::invalid_argument, "understand", path() + "/memory.events");
    return *value;
}

Result<CgroupEvents> Directory::events() const {
    std::array<char, 128> buffer;
    auto text = read("cgroup.events", buffer);
    if (!text) return tl::make_unexpected(text.error());
    const auto value = parse_cgroup_events(*text);
    if (!value) return make_error(std::errc::invalid_argument, "understand", path() + "/cgroup.events");
    return *value;
}

Result<std::vector<int>> Directory::pids() const {
    auto fd = open_file("cgroup.procs", O_RDONLY);
    if (!fd) return tl::make_unexpected(fd.error());
    const auto text = read_list(fd->get());
    if (!text) return errno_error("read", path() + "/cgroup.procs");
    return parse_pids(*text);
}

Result<void> Directory::attach(const PidFd& process) const {
    if (!process.has_number()) return process.gone_error("move");
    return write("cgroup.procs", std::to_string(process.number()));
}

std::vector<int> pids_at(int directory_fd) {
    const UniqueFd fd(::openat(directory_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC));
    const auto text = fd ? read_list(fd.get()) : std::nullopt;
    return text ? parse_pids(*text) : std::vector<int>{};
}

Result<void> Directory::set_mark(std::string_view value) const {
    if (::fsetxattr(fd_.get(), kMarkName, value.data(), value.size(), 0) != 0)
        return errno_error("mark cgroup", path());
    return {};
}

std::optional<std::string> Directory::mark() const {
    std::array<char, 256> buffer;
    const ssize_t got = ::fgetxattr(fd_.get(), kMarkName, buffer.data(), buffer.size());
    if (got < 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(got));
}

void Directory::clear_mark() const {
    ::fremovexattr(fd_.get(), kMarkName);
}

Result<std::string_view> read_held(int fd, std::span<char> buffer, std::string_view subject) {
    std::size_t size = 0;
    while (size < buffer.size()) {
        const ssize_t got = ::pread(fd, buffer.data() + size, buffer.size() - size, static_cast<off_t>(size));
        if (got < 0) {
            if (errno == EINTR) continue;
            return errno_error("read a file of", subject);
        }
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    return std::string_view(buffer.data(), size);
}

}  // namespace cgroups
