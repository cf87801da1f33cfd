// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/process.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>

namespace governor::metrics {
namespace {

std::optional<policies::Bytes> resident(const std::string& proc) {
    // Size and resident set, in pages.
    std::ifstream statm(proc + "/self/statm");
    std::uint64_t size = 0;
    std::uint64_t pages = 0;
    if (!(statm >> size >> pages)) return std::nullopt;
    return policies::Bytes{pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

std::optional<std::size_t> open_fds(const std::string& proc) {
    const std::string folder = proc + "/self/fd";
    // Since Linux 6.2 the folder's size is their number. Counting thousands of entries costs milliseconds.
    struct stat about {};
    if (::stat(folder.c_str(), &about) == 0 && about.st_size > 0)
        return static_cast<std::size_t>(about.st_size);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
    if (!entries) return std::nullopt;
    std::size_t count = 0;
    while (const dirent* entry = ::readdir(entries.get()))
        if (entry->d_name[0] != '.') ++count;
    // The one that counts them.
    return count > 0 ? count - 1 : 0;
}

policies::Duration of(const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

ProcessView look_at_self(const std::string& proc, std::chrono::system_clock::time_point started) {
    ProcessView out;
    out.resident = resident(proc);
    out.open_fds = open_fds(proc);
    out.started = started;
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) out.cpu = of(used.ru_utime) + of(used.ru_stime);
    return out;
}

}  // namespace governor::metrics
