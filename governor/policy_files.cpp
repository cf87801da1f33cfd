// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/policy_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

namespace governor {
namespace {

namespace fs = std::filesystem;

/// One more than the loader takes: a file that grows while it is read is refused there.
constexpr std::size_t kMostRead = (1UL << 20U) + 1;

policies::Diagnostic problem(const std::string& file, const std::string& message, const std::string& hint) {
    policies::Diagnostic out;
    out.file = file;
    out.message = message;
    out.hint = hint;
    return out;
}

std::optional<std::string> read_file(const std::string& path, std::string& reason) {
    // A pipe or a device would be waited for.
    std::error_code code;
    if (fs::exists(path, code) && !fs::is_regular_file(path, code)) {
        reason = "it is not a regular file";
        return std::nullopt;
    }
    if (const auto size = fs::file_size(path, code); !code && size >= kMostRead) {
        reason =
            "it has " + policies::to_string(policies::Bytes{size}) + ", and a policy file has at most 1MiB";
        return std::nullopt;
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        reason = std::strerror(errno);
        return std::nullopt;
    }
    std::string text(kMostRead, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) {
        reason = std::strerror(errno);
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

bool is_policy(const fs::path& path) {
    return path.extension() == ".yaml" || path.extension() == ".yml";
}

/// Puts a folder's policies, in the order of their names, behind `files`; false when there are none.
bool list_folder(const std::string& path, std::vector<std::string>& files, std::string& reason) {
    std::error_code code;
    std::vector<std::string> found;
    for (fs::directory_iterator it(path, code), end; !code && it != end; it.increment(code)) {
        std::error_code ignored;
        if (is_policy(it->path()) && it->is_regular_file(ignored)) found.push_back(it->path().string());
    }
    if (code) {
        reason = code.message();
        return false;
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
    reason = "it holds no *.yaml and no *.yml file";
    return !found.empty();
}

}  // namespace

policies::LoadResult load_policy_files(const std::vector<std::string>& paths) {
    std::vector<policies::Diagnostic> problems;
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        std::error_code code;
        std::string reason;
        if (!fs::is_directory(path, code)) {
            files.push_back(path);
        } else if (!list_folder(path, files, reason)) {
            problems.push_back(problem(path, "cannot use this folder of policies: " + reason,
                                       "put a policy file there, or name another place with --policy"));
        }
    }
    std::vector<policies::Source> sources;
    for (const std::string& file : files) {
        std::string reason;
        if (auto text = read_file(file, reason)) {
            sources.push_back({file, std::move(*text)});
        } else {
            problems.push_back(problem(file, "cannot read this policy file: " + reason,
                                       "check the path and its permissions"));
        }
    }
    policies::LoadResult result;
    if (!sources.empty()) {
        result = policies::load(sources, [](std::string_view name) -> std::optional<std::string> {
            const char* value = std::getenv(std::string(name).c_str());
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
        });
    }
    // Half of what was asked for is not a policy.
    if (!problems.empty()) result.policy.reset();
    result.diagnostics.insert(result.diagnostics.begin(), problems.begin(), problems.end());
    return result;
}

}  // namespace governor
