// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/cgroup_path.hpp"

#include <filesystem>

namespace governor::docker {
namespace {

constexpr std::string_view kSliceSuffix = ".slice";
constexpr std::string_view kDeleted = " (deleted)";

std::optional<std::string> systemd_path(std::string_view parent, std::string_view id) {
    auto slice = expand_slice(parent.empty() ? "system.slice" : parent);
    if (!slice) return std::nullopt;
    if (*slice == "/") slice->clear();
    return *slice + "/docker-" + std::string(id) + ".scope";
}

std::string cgroupfs_path(std::string_view parent, std::string_view id) {
    const std::filesystem::path root("/");
    const std::string_view folder = parent.empty() ? "docker" : parent;
    return (root / std::string(folder) / std::string(id)).lexically_normal().string();
}

}  // namespace

std::optional<std::string> expand_slice(std::string_view slice) {
    if (!slice.ends_with(kSliceSuffix) || slice.find('/') != std::string_view::npos) return std::nullopt;
    const std::string_view name = slice.substr(0, slice.size() - kSliceSuffix.size());
    if (name == "-") return "/";
    if (name.empty() || name.front() == '-' || name.back() == '-') return std::nullopt;
    if (name.find("--") != std::string_view::npos) return std::nullopt;
    std::string path;
    for (std::size_t dash = name.find('-');; dash = name.find('-', dash + 1)) {
        path += '/';
        path += name.substr(0, dash);
        path += kSliceSuffix;
        if (dash == std::string_view::npos) return path;
    }
}

std::optional<std::string> container_cgroup(std::string_view driver, std::string_view parent,
                                            std::string_view id) {
    // An id is hex digits; what could climb out of the folder never becomes a path.
    if (id.empty() || id.find_first_of("/.") != std::string_view::npos) return std::nullopt;
    if (driver == "systemd") return systemd_path(parent, id);
    if (driver == "cgroupfs") return cgroupfs_path(parent, id);
    return std::nullopt;
}

std::optional<std::string> parse_proc_cgroup(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
        if (!line.starts_with("0::/")) continue;
        const std::string_view path = line.substr(3);
        if (path.ends_with(kDeleted)) return std::nullopt;
        return std::string(path);
    }
    return std::nullopt;
}

}  // namespace governor::docker
