// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/write_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace cgroups {

Result<WriteWatch> WriteWatch::open() {
    UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd) return errno_error("watch for writes with", "inotify");
    return WriteWatch(std::move(fd));
}

Result<int> WriteWatch::add(const std::string& path) const {
    const int id = ::inotify_add_watch(fd_.get(), path.c_str(), IN_MODIFY);
    if (id < 0) return errno_error("watch for writes to", path);
    return id;
}

void WriteWatch::remove(int id) const {
    ::inotify_rm_watch(fd_.get(), id);
}

std::vector<int> WriteWatch::take() const {
    std::vector<int> ids;
    alignas(inotify_event) std::array<char, 4096> buffer;
    ssize_t got = 0;
    while ((got = ::read(fd_.get(), buffer.data(), buffer.size())) > 0) {
        inotify_event event{};
        for (std::size_t at = 0; at + sizeof event <= static_cast<std::size_t>(got);
             at += sizeof event + event.len) {
            std::memcpy(&event, buffer.data() + at, sizeof event);
            if ((event.mask & IN_MODIFY) == 0) continue;
            if (std::find(ids.begin(), ids.end(), event.wd) == ids.end()) ids.push_back(event.wd);
        }
    }
    return ids;
}

}  // namespace cgroups
