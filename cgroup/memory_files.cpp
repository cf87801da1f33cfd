// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/memory_files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

namespace cgroups {

namespace {

struct Kind {
    const char* name;
    bool required;
};
/// In the order of MemoryFiles::File.
constexpr std::array<Kind, 9> kKinds{{
    {"memory.current", true},
    {"memory.events", true},
    {"memory.stat", true},
    {"memory.events.local", false},
    {"memory.max", true},
    {"memory.high", true},
    {"memory.swap.current", false},
    {"memory.swap.max", false},
    {"memory.pressure", false},
}};

}  // namespace

Result<MemoryFiles> MemoryFiles::open(const Directory& directory) {
    static_assert(kKinds.size() == kFiles);
    MemoryFiles out;
    out.path_ = directory.shared_path();
    out.directory_ = directory.fd();
    for (std::size_t file = 0; file < kFiles; ++file) {
        const auto fd = out.held(static_cast<File>(file));
        if (fd) continue;
        if (kKinds[file].required) return tl::make_unexpected(fd.error());
        out.absent_[file] = fd.error().gone();
    }
    return out;
}

Result<int> MemoryFiles::held(File file) {
    UniqueFd& fd = fds_[file];
    if (!fd) {
        if (absent_[file]) return make_error(std::errc::no_such_file_or_directory, "open", path_.str());
        fd.reset(::openat(directory_, kKinds[file].name, O_RDONLY | O_CLOEXEC));
        if (!fd) return errno_error("open", path_.str() + "/" + kKinds[file].name);
    }
    return fd.get();
}

void MemoryFiles::cool() {
    for (std::size_t file = kStat; file < kFiles; ++file) fds_[file].reset();
}

Result<Bytes> MemoryFiles::number(File file) {
    const auto fd = held(file);
    if (!fd) return tl::make_unexpected(fd.error());
    std::array<char, 64> buffer;
    auto text = read_held(*fd, buffer, path_.str());
    if (!text) return tl::make_unexpected(text.error());
    const auto value = parse_bytes(*text);
    if (!value) return make_error(std::errc::invalid_argument, "understand a file of", path_.str());
    return *value;
}

Bytes MemoryFiles::free_swap(Bytes swap_free) {
    // Asked before, because an error costs allocations, and this is the hot path.
    if (swap_free.value == 0 || absent_[kSwapMaximum] || absent_[kSwapCurrent]) return {};
    const auto limit = number(kSwapMaximum);
    const auto used = number(kSwapCurrent);
    if (!limit || !used || limit->value <= used->value) return {};
    return {std::min(swap_free.value, limit->value - used->value)};
}

Result<Bytes> MemoryFiles::current() {
    return number(kCurrent);
}

Result<MemoryEvents> MemoryFiles::events() {
    return counters(kEvents);
}

Result<MemoryEvents> MemoryFiles::local_events() {
    return counters(kLocalEvents);
}

Result<MemoryEvents> MemoryFiles::counters(File file) {
    const auto fd = held(file);
    if (!fd) return tl::make_unexpected(fd.error());
    std::array<char, 512> buffer;
    auto text = read_held(*fd, buffer, path_.str());
    if (!text) return tl::make_unexpected(text.error());
    const auto value = parse_memory_events(*text);
    if (!value) return make_error(std::errc::invalid_argument, "understand memory.events of", path_.str());
    return *value;
}

Result<MemorySample> MemoryFiles::sample(Bytes swap_free) {
    MemorySample out;
    const auto events_read = events();
    if (!events_read) return tl::make_unexpected(events_read.error());
    out.events = *events_read;

    std::array<char, 8192> buffer;
    const auto stat_fd = held(kStat);
    if (!stat_fd) return tl::make_unexpected(stat_fd.error());
    auto text = read_held(*stat_fd, buffer, path_.str());
    if (!text) return tl::make_unexpected(text.error());
    const auto stat = parse_memory_stat(*text);
    if (!stat) return make_error(std::errc::invalid_argument, "understand memory.stat of", path_.str());
    out.unreclaimable = unreclaimable(*stat, free_swap(swap_free));

    struct Number {
        File file;
        Bytes* value;
    };
    for (const Number& item :
         {Number{kCurrent, &out.current}, Number{kMaximum, &out.hard}, Number{kHigh, &out.tripwire}}) {
        const auto value = number(item.file);
        if (!value) return tl::make_unexpected(value.error());
        *item.value = *value;
    }
    if (absent_[kPressure]) return out;
    if (const auto pressure_fd = held(kPressure)) {
        // A kernel booted with psi=0 has the file but answers EOPNOTSUPP: no pressure is then what is known.
        auto pressure_text = read_held(*pressure_fd, buffer, path_.str());
        if (pressure_text) {
            if (const auto pressure = parse_pressure(*pressure_text)) {
                out.some = pressure->some;
                out.full = pressure->full;
            }
        }
    }
    return out;
}

}  // namespace cgroups
