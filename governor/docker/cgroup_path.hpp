// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

// Where a container's cgroup is, relative to the root of the cgroup v2 hierarchy. Pure text; nothing is
// looked up.
namespace governor::docker {

/// systemd's expansion of a slice's name: "a-b.slice" -> "/a.slice/a-b.slice", "-.slice" -> "/". `nullopt`
/// when systemd would refuse the name.
std::optional<std::string> expand_slice(std::string_view slice);

/// The path of a container's cgroup, e.g. "/system.slice/docker-<id>.scope". `driver` is Info::cgroup_driver,
/// `parent` is HostConfig::cgroup_parent (often empty), `id` the full id. `nullopt` for an unknown driver, an
/// invalid parent or an empty id. This is where the cgroup should be: a daemon with its own --cgroup-parent
/// and a rootless one put it elsewhere, so what /proc/<pid>/cgroup says has precedence for a running
/// container.
std::optional<std::string> container_cgroup(std::string_view driver, std::string_view parent,
                                            std::string_view id);

/// The cgroup v2 path (the "0::" line) in the text of /proc/<pid>/cgroup. `nullopt` when there is none or it
/// was removed. Relative to the reader's cgroup namespace: with a private one, other containers read "/../…".
std::optional<std::string> parse_proc_cgroup(std::string_view text);

}  // namespace governor::docker
