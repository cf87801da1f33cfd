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
    /// Of all children of this cgroup's parent, this one included: the sum of min(usage, setting).
    Bytes siblings_min;
    Bytes siblings_low;
};

struct EffectiveProtection {
    Bytes min;
    Bytes low;
};

/// `levels` from the top (the root's child) to the cgroup itself; empty gives zeros. `recursive`: the mount
/// option memory_recursiveprot. Pure.
EffectiveProtection effective_protection(std::span<const ProtectionLevel> levels, bool recursive);

/// Reads the levels of `path` (absolute, below `mount`), siblings included. A cgroup that vanishes meanwhile is
/// an error that says gone().
Result<std::vector<ProtectionLevel>> read_protection(const std::string& mount, const std::string& path);

/// Whether the cgroup2 file system at `mount` has memory_recursiveprot, from the text of /proc/self/mountinfo.
bool has_recursive_protection(std::string_view mountinfo, std::string_view mount);

}  // namespace cgroups
