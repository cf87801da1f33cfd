// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/protection.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace cgroups {
namespace {

constexpr std::string_view kMin = "memory.min";
constexpr std::string_view kLow = "memory.low";
constexpr std::string_view kUsage = "memory.current";

/// value * numerator / denominator, rounded down. The product needs more than 64 bits from 4 GiB x 4 GiB on.
std::uint64_t scaled(std::uint64_t value, std::uint64_t numerator, std::uint64_t denominator) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(value) * numerator / denominator);
}

std::uint64_t add_capped(std::uint64_t a, std::uint64_t b) {
    return a > kMax.value - b ? kMax.value : a + b;
}

/// One kind of protection of one cgroup, below a parent of which `parent_effective` is honoured.
std::uint64_t effective_below(std::uint64_t usage, std::uint64_t setting, std::uint64_t siblings,
                              std::uint64_t parent_usage, std::uint64_t parent_effective, bool recursive) {
    const std::uint64_t claimed = std::min(usage, setting);
    if (siblings > parent_effective) return scaled(claimed, parent_effective, siblings);
    const bool shares_the_rest =
        recursive && parent_effective > siblings && parent_usage > siblings && usage > claimed;
    if (!shares_the_rest) return claimed;
    // The files are read one after the other, so that a child may seem to use more than its parent: what is
    // over is shared out at most once.
    const std::uint64_t unclaimed_usage = std::min(usage - claimed, parent_usage - siblings);
    return claimed + scaled(parent_effective - siblings, unclaimed_usage, parent_usage - siblings);
}

/// Settings and usage of one cgroup.
struct Reading {
    Bytes usage;
    Bytes min;
    Bytes low;
};

/// A cgroup whose parent has not enabled the memory controller for it has no such files: nothing is set
/// there.
Result<std::optional<Bytes>> read_if_there(const Directory& directory, std::string_view name) {
    auto value = directory.read_bytes(name);
    if (value) return std::optional<Bytes>(*value);
    if (value.error().gone()) return std::optional<Bytes>();
    return tl::make_unexpected(value.error());
}

/// The usage is read only where `always`, or where it matters because something is set: of the many cgroups
/// beside a container's hardly one has a setting.
Result<Reading> read_level(const Directory& directory, bool always) {
    const auto min = read_if_there(directory, kMin);
    if (!min) return tl::make_unexpected(min.error());
    const auto low = read_if_there(directory, kLow);
    if (!low) return tl::make_unexpected(low.error());
    Reading out{.usage = {}, .min = min->value_or(Bytes{}), .low = low->value_or(Bytes{})};
    if (!always && out.min == Bytes{} && out.low == Bytes{}) return out;
    const auto usage = read_if_there(directory, kUsage);
    if (!usage) return tl::make_unexpected(usage.error());
    out.usage = usage->value_or(Bytes{});
    return out;
}

/// A removed cgroup and one without memory files both answer "no such file": the path tells them apart.
Result<void> still_there(const Directory& directory) {
    const auto again = Directory::open(directory.path());
    if (!again) return tl::make_unexpected(again.error());
    if (again->identity() == directory.identity()) return {};
    return make_error(std::errc::no_such_file_or_directory, "read the protection of cgroup",
                      directory.path());
}

struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};

Result<std::vector<std::string>> child_names(const Directory& parent) {
    // A descriptor of its own: the position of a directory stream is shared with copies of its descriptor.
    auto fd = parent.open_file(".", O_RDONLY | O_DIRECTORY);
    if (!fd) return tl::make_unexpected(fd.error());
    const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(fd->get()));
    if (!stream) return errno_error("list cgroup", parent.path());
    fd->release();
    std::vector<std::string> names;
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(stream.get());
        if (entry == nullptr) break;
        const std::string_view name = entry->d_name;
        const bool folder = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
        if (folder && name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return errno_error("list cgroup", parent.path());
    return names;
}

/// Adds what the cgroups beside `own` claim to `level`. One that vanishes while it is read claims nothing.
Result<void> add_siblings(const Directory& parent, std::string_view own, ProtectionLevel& level) {
    const auto names = child_names(parent);
    if (!names) return tl::make_unexpected(names.error());
    for (const std::string& name : *names) {
        if (name == own) continue;
        const auto sibling = parent.child(name, false);
        if (!sibling) {
            if (sibling.error().gone() || sibling.error().code == std::errc::not_a_directory) continue;
            return tl::make_unexpected(sibling.error());
        }
        const auto reading = read_level(*sibling, false);
        if (!reading) return tl::make_unexpected(reading.error());
        level.siblings_min.value =
            add_capped(level.siblings_min.value, std::min(reading->usage, reading->min).value);
        level.siblings_low.value =
            add_capped(level.siblings_low.value, std::min(reading->usage, reading->low).value);
    }
    return {};
}

/// "a/b/c" of "<mount>/a/b/c"; nothing when the path is not below the mount, or climbs out of it.
std::optional<std::vector<std::string>> names_below(std::string_view mount, std::string_view path) {
    while (mount.ends_with('/')) mount.remove_suffix(1);
    if (!path.starts_with(mount)) return std::nullopt;
    path.remove_prefix(mount.size());
    if (!path.empty() && !path.starts_with('/')) return std::nullopt;
    std::vector<std::string> names;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(name.size());
        if (name == "." || name == "..") return std::nullopt;
        if (!name.empty()) names.emplace_back(name);
    }
    return names;
}

/// Takes the first blank-separated word off `line`.
std::string_view next_word(std::string_view& line) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(line.size(), word.size() + 1));
    return word;
}

bool is_octal(char c) {
    return c >= '0' && c <= '7';
}

/// mountinfo writes blanks, tabs, newlines and backslashes in paths as \040 and the like (proc(5)).
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
            is_octal(text[i + 3])) {
            out +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
    while (!options.empty()) {
        const std::string_view option = options.substr(0, options.find(','));
        if (option == wanted) return true;
        options.remove_prefix(std::min(options.size(), option.size() + 1));
    }
    return false;
}

}  // namespace

EffectiveProtection effective_protection(std::span<const ProtectionLevel> levels, bool recursive) {
    if (levels.empty()) return {};
    // The root protects nothing and limits nothing: its child's setting counts as it is, used or not.
    EffectiveProtection out{levels.front().min, levels.front().low};
    Bytes parent_usage = levels.front().usage;
    for (const ProtectionLevel& level : levels.subspan(1)) {
        out.min.value = effective_below(level.usage.value, level.min.value, level.siblings_min.value,
                                        parent_usage.value, out.min.value, recursive);
        out.low.value = effective_below(level.usage.value, level.low.value, level.siblings_low.value,
                                        parent_usage.value, out.low.value, recursive);
        parent_usage = level.usage;
    }
    return out;
}

Result<std::vector<ProtectionLevel>> read_protection(const std::string& mount, const std::string& path) {
    const auto names = names_below(mount, path);
    if (!names) return make_error(std::errc::invalid_argument, "find below " + mount + " the cgroup", path);
    std::vector<ProtectionLevel> levels;
    auto parent = Directory::open(mount);
    if (!parent) return tl::make_unexpected(parent.error());
    for (const std::string& name : *names) {
        auto own = parent->child(name, false);
        if (!own) return tl::make_unexpected(own.error());
        const auto reading = read_level(*own, true);
        if (!reading) return tl::make_unexpected(reading.error());
        ProtectionLevel level{.path = own->path(),
                              .usage = reading->usage,
                              .min = reading->min,
                              .low = reading->low,
                              .siblings_min = std::min(reading->usage, reading->min),
                              .siblings_low = std::min(reading->usage, reading->low)};
        // Nothing competes below the root: there the siblings do not matter, and would be read in vain.
        if (!levels.empty()) {
            if (const auto added = add_siblings(*parent, name, level); !added)
                return tl::make_unexpected(added.error());
        }
        if (const auto there = still_there(*own); !there) return tl::make_unexpected(there.error());
        levels.push_back(std::move(level));
        parent = std::move(own);
    }
    return levels;
}

bool has_recursive_protection(std::string_view mountinfo, std::string_view mount) {
    while (mount.size() > 1 && mount.ends_with('/')) mount.remove_suffix(1);
    bool found = false;
    while (!mountinfo.empty()) {
        std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
        mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
        // "36 35 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2
        // rw,nsdelegate,memory_recursiveprot"
        for (int i = 0; i < 4; ++i) next_word(line);
        if (unescaped(next_word(line)) != mount) continue;
        const auto dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        line.remove_prefix(dash + 3);
        const bool is_cgroup2 = next_word(line) == "cgroup2";
        next_word(line);
        // The last mount on a place hides those before it.
        found = is_cgroup2 && has_option(line, "memory_recursiveprot");
    }
    return found;
}

}  // namespace cgroups
