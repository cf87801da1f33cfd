// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the kernel really honours of memory.min and memory.low (mm/page_counter.c, effective_protection();
/// Documentation/admin-guide/cgroup-v2.rst): a setting capped by every ancestor's, shared with the siblings.
namespace cgroups {

/// One cgroup on the way from below the root down to the one that is asked about.
struct ProtectionLevel {
    std::string path;  ///< absolute
    Bytes usage;       ///< memory.current
    Bytes min;         ///< memory.min as set
    Bytes low;         ///< memory.low as set
    /// Of all children of this cgroup's parent, this one included: the sum of min(usage, setting). At the
    /// first level, where nothing depends on it, read_protection() counts this one alone.
    Bytes siblings_min;
    Bytes siblings_low;
};

struct EffectiveProtection {
    Bytes min;
    Bytes low;
};

/// `levels` from the top (the root's child) to the cgroup itself; empty gives zeros. `recursive`: the mount
/// option memory_recursiveprot, which shares what nobody at a level claims among those that use more than
/// they claim. The kernel counts in pages, so it may honour a page less. Pure.
EffectiveProtection effective_protection(std::span<const ProtectionLevel> levels, bool recursive);

/// Reads the levels of `path` (absolute, below `mount`), siblings included; empty for the mount itself. A
/// cgroup without memory files (its parent has not enabled the controller) has settings and usage of 0. One
/// that vanishes meanwhile is an error that says gone(). Blocking, two small reads for each cgroup beside the
/// path: cheap enough for every few seconds.
Result<std::vector<ProtectionLevel>> read_protection(const std::string& mount, const std::string& path);

/// Whether the cgroup2 file system at `mount` has memory_recursiveprot, from the text of
/// /proc/self/mountinfo.
bool has_recursive_protection(std::string_view mountinfo, std::string_view mount);

}  // namespace cgroups
