// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/identity.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace governor::docker {
namespace {

constexpr std::size_t kIdLength = 64;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

bool is_id(std::string_view text) {
    return text.size() == kIdLength && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// "<id>" or "<runtime>-<id>.scope".
std::optional<std::string> id_in_component(std::string_view component) {
    constexpr std::string_view kScope = ".scope";
    if (component.ends_with(kScope)) component.remove_suffix(kScope.size());
    const std::size_t dash = component.rfind('-');
    if (dash != std::string_view::npos) component.remove_prefix(dash + 1);
    return is_id(component) ? std::optional<std::string>(component) : std::nullopt;
}

std::optional<std::string> last_id_in_path(std::string_view path) {
    const std::vector<std::string_view> components = split(path, '/');
    for (auto component = components.rbegin(); component != components.rend(); ++component) {
        if (auto id = id_in_component(*component)) return id;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> container_id_from_cgroup(std::string_view text) {
    for (const std::string_view line : split(text, '\n')) {
        if (auto id = last_id_in_path(line)) return id;
    }
    return std::nullopt;
}

std::optional<std::string> container_id_from_mountinfo(std::string_view text) {
    constexpr std::array<std::string_view, 3> kMounted{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"};
    // "36 35 98:0 /root/of/the/mount /mount/point rw …"
    constexpr std::size_t kRoot = 3;
    constexpr std::size_t kMountPoint = 4;
    for (const std::string_view line : split(text, '\n')) {
        const std::vector<std::string_view> fields = split(line, ' ');
        if (fields.size() <= kMountPoint) continue;
        if (std::find(kMounted.begin(), kMounted.end(), fields[kMountPoint]) == kMounted.end()) continue;
        if (auto id = last_id_in_path(fields[kRoot])) return id;
    }
    return std::nullopt;
}

std::optional<std::string> own_container_id(std::string_view proc_cgroup, std::string_view mountinfo) {
    if (auto id = container_id_from_cgroup(proc_cgroup)) return id;
    return container_id_from_mountinfo(mountinfo);
}

}  // namespace governor::docker
