// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/hierarchy.hpp"

#include "cgroup/directory.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <libcgroup.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace cgroups {
namespace {

bool is_cgroup2(const std::string& path) {
    struct statfs info {};
    return ::statfs(path.c_str(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

/// libcgroup 2.0.2 has no call that tells the mode; the file system type of the usual mount point does
/// (systemd's own test).
Mode find_mode() {
    if (is_cgroup2("/sys/fs/cgroup")) return Mode::kUnified;
    if (is_cgroup2("/sys/fs/cgroup/unified")) return Mode::kHybrid;
    struct statfs info {};
    if (::statfs("/sys/fs/cgroup", &info) == 0 && info.f_type == TMPFS_MAGIC) return Mode::kLegacy;
    return Mode::kUnknown;
}

/// Where cgroup v2 is. libcgroup knows mounts by controller; a hybrid host's v2 mount has none, so the usual
/// places are tried too.
std::string find_mount() {
    char* where = nullptr;
    // cgroup_init fails where nothing at all is mounted; the usual places below then answer for themselves.
    if (::cgroup_init() == 0 && ::cgroup_get_subsys_mount_point("memory", &where) == 0 && where != nullptr) {
        const std::string path = where;
        std::free(where);
        if (is_cgroup2(path)) return path;
    }
    for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
        if (is_cgroup2(path)) return path;
    return {};
}

bool has_word(std::string_view text, std::string_view word) {
    while (!text.empty()) {
        const auto end = text.find_first_of(" \n");
        if (text.substr(0, end) == word) return true;
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return false;
}

}  // namespace

Result<Hierarchy> find_hierarchy(const std::string& mount) {
    Hierarchy out;
    // A mount that the caller names is v2 by their word; the usual mount points say nothing about it.
    out.mode = mount.empty() ? find_mode() : Mode::kUnified;
    out.mount = mount.empty() ? find_mount() : mount;
    if (out.mount.empty()) return out;

    const auto root = Directory::open(out.mount);
    if (!root) return tl::make_unexpected(root.error());
    std::array<char, 1024> buffer;
    if (const auto controllers = root->read("cgroup.controllers", buffer))
        out.memory_controller = has_word(*controllers, "memory");
    struct statvfs info {};
    out.writable = ::statvfs(out.mount.c_str(), &info) == 0 && (info.f_flag & ST_RDONLY) == 0 &&
                   ::faccessat(root->fd(), "cgroup.procs", W_OK, AT_EACCESS) == 0;
    // The file is there with psi=0 too; reading it tells. A cgroup namespace's root has it as well.
    if (const auto pressure = root->read("memory.pressure", buffer)) out.psi = true;
    return out;
}

}  // namespace cgroups
