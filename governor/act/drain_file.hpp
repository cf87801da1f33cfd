// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/result.hpp"

#include <string>

/// The file that keeps a container out of its load balancer. It is made and removed from outside, in the
/// container's own mount namespace, so it works for a frozen container, and without a shell or a tool in the
/// image. The container is not trusted: its path is resolved below its own root folder, no link of it leads
/// out of there, nothing that exists is opened for writing, and no device or pipe is opened at all.
///
/// These functions can block as long as the container's file system does.
namespace governor::act {

enum class DrainFile {
    kCreated,
    kWasThere,  ///< it is someone else's, or an earlier call made it: left as it is
};

/// `root` is the container's root folder (Processes::open_root), `path` absolute and without "..". Errors:
/// what the kernel says; not_supported on a network or FUSE file system; file_exists when something that is
/// no regular file has that name.
cgroups::Result<DrainFile> create_drain_file(const cgroups::UniqueFd& root, const std::string& path);

/// Removes the file when it has the content that create_drain_file() gives it; another one is left as it is.
/// True when it was removed.
cgroups::Result<bool> remove_drain_file(const cgroups::UniqueFd& root, const std::string& path);

}  // namespace governor::act
