// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/damaged.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace governor::journal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKept = 3;
/// The database itself, and what SQLite puts beside it.
constexpr std::array<const char*, 3> kParts{"", "-wal", "-shm"};

std::string stamp(Moment now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

void remove_oldest(const fs::path& path) {
    std::error_code code;
    std::vector<fs::path> found;
    const std::string prefix = path.filename().string() + ".damaged-";
    for (const auto& entry : fs::directory_iterator(path.parent_path(), code)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(prefix) && name.ends_with('Z')) found.push_back(entry.path());
    }
    std::ranges::sort(found);
    for (std::size_t i = 0; i + kKept < found.size(); ++i)
        for (const char* part : kParts) fs::remove(found[i].string() + part, code);
}

}  // namespace

tl::expected<std::string, std::string> move_aside(const std::string& path, Moment now) {
    std::string target = path + ".damaged-" + stamp(now);
    std::error_code code;
    fs::rename(path, target, code);
    if (code)
        return tl::make_unexpected("cannot rename the damaged " + path + " to " + target + ": " +
                                   code.message());
    // Often there are none.
    for (const char* part : {kParts[1], kParts[2]}) fs::rename(path + part, target + part, code);
    remove_oldest(path);
    return target;
}

}  // namespace governor::journal
