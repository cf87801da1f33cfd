// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

// Which container this process runs in, so that the governor never acts on itself. Pure text; the caller
// reads the files.
namespace governor::docker {

/// The container id in the text of /proc/self/cgroup: the last 64 hex digits that are a path component or the
/// middle of a "docker-<id>.scope". `nullopt` on the host, and in a private cgroup namespace, where the text
/// is only "0::/".
std::optional<std::string> container_id_from_cgroup(std::string_view text);

/// The container id in the text of /proc/self/mountinfo: the engine mounts /etc/hostname, /etc/hosts and
/// /etc/resolv.conf from a folder named after the container. Other mounts are not looked at: they may hold
/// other containers' ids and layers' digests.
std::optional<std::string> container_id_from_mountinfo(std::string_view text);

/// The first of the two that knows; `nullopt` when not in a container.
std::optional<std::string> own_container_id(std::string_view proc_cgroup, std::string_view mountinfo);

}  // namespace governor::docker
