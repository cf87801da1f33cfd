// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/host_watch.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

namespace governor {
namespace {

std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The kibibytes of a "VmRSS:    1234 kB" line in /proc/<pid>/status; 0 for a kernel thread.
std::uint64_t resident_kib(std::string_view status) {
    constexpr std::string_view kKey = "\nVmRSS:";
    const auto at = status.find(kKey);
    if (at == std::string_view::npos) return 0;
    const auto digits = status.find_first_of("0123456789", at + kKey.size());
    if (digits == std::string_view::npos) return 0;
    std::uint64_t value = 0;
    std::from_chars(status.data() + digits, status.data() + status.size(), value);
    return value;
}

std::string name_of(std::string_view status) {
    constexpr std::string_view kKey = "Name:\t";
    if (!status.starts_with(kKey)) return "?";
    return std::string(status.substr(kKey.size(), status.find('\n') - kKey.size()));
}

bool in_a_container(const std::string& cgroup, const std::vector<std::string>& ids) {
    return std::any_of(ids.begin(), ids.end(),
                       [&cgroup](const std::string& id) { return cgroup.find(id) != std::string::npos; });
}

}  // namespace

std::string largest_outside(const std::string& proc, const std::vector<std::string>& container_ids) {
    std::uint64_t largest = 0;
    std::string told;
    std::error_code ignored;
    const std::string self = std::to_string(::getpid());
    // Processes end while they are listed: that is no error.
    for (std::filesystem::directory_iterator at(proc, ignored), end; !ignored && at != end;
         at.increment(ignored)) {
        const auto& entry = *at;
        const std::string pid = entry.path().filename();
        if (pid == self || pid.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::string status = slurp(entry.path() / "status");
        const std::uint64_t kib = resident_kib(status);
        if (kib <= largest || in_a_container(slurp(entry.path() / "cgroup"), container_ids)) continue;
        largest = kib;
        told =
            name_of(status) + " (pid " + pid + ", " + policies::to_string(policies::Bytes{kib * 1024}) + ")";
    }
    return told;
}

}  // namespace governor
