// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/memory_files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

namespace cgroups {

Result<MemoryFiles> MemoryFiles::open(const Directory& directory) {
    MemoryFiles out;
    out.path_ = directory.path();
    struct Wanted {
        const char* name;
        UniqueFd* fd;
        bool required;
    };
    const std::array<Wanted, 9> wanted{{
        {"memory.current", &out.current_, true},
        {"memory.stat", &out.stat_, true},
        {"memory.events", &out.events_, true},
        {"memory.events.local", &out.local_events_, false},
        {"memory.max", &out.max_, true},
        {"memory.high", &out.high_, true},
        {"memory.swap.current", &out.swap_current_, false},
        {"memory.swap.max", &out.swap_max_, false},
        {"memory.pressure", &out.pressure_, false},
    }};
    for (const Wanted& file : wanted) {
        auto fd = directory.open_file(file.name, O_RDONLY);
        if (fd) {
            *file.fd = std::move(*fd);
        } else if (file.required) {
            return tl::make_unexpected(fd.error());
        }
    }
    return out;
}

Result<Bytes> MemoryFiles::number(const UniqueFd& fd) {
    std::array<char, 64> buffer;
    auto text = read_held(fd.get(), buffer, path_);
    if (!text) return tl::make_unexpected(text.error());
    const auto value = parse_bytes(*text);
    if (!value) return make_error(std::errc::invalid_argument, "understand a file of", path_);
    return *value;
}

Bytes MemoryFiles::free_swap(Bytes swap_free) {
    if (swap_free.value == 0 || !swap_max_ || !swap_current_) return {};
    const auto limit = number(swap_max_);
    const auto used = number(swap_current_);
    if (!limit || !used || limit->value <= used->value) return {};
    return {std::min(swap_free.value, limit->value - used->value)};
}

Result<MemoryEvents> MemoryFiles::events() {
    return counters(events_);
}

Result<MemoryEvents> MemoryFiles::local_events() {
    return counters(local_events_);
}

Result<MemoryEvents> MemoryFiles::counters(const UniqueFd& fd) {
    std::array<char, 512> buffer;
    auto text = read_held(fd.get(), buffer, path_);
    if (!text) return tl::make_unexpected(text.error());
    const auto value = parse_memory_events(*text);
    if (!value) return make_error(std::errc::invalid_argument, "understand memory.events of", path_);
    return *value;
}

Result<MemorySample> MemoryFiles::sample(Bytes swap_free) {
    MemorySample out;
    const auto events_read = events();
    if (!events_read) return tl::make_unexpected(events_read.error());
    out.events = *events_read;

    std::array<char, 8192> buffer;
    auto text = read_held(stat_.get(), buffer, path_);
    if (!text) return tl::make_unexpected(text.error());
    const auto stat = parse_memory_stat(*text);
    if (!stat) return make_error(std::errc::invalid_argument, "understand memory.stat of", path_);
    out.unreclaimable = unreclaimable(*stat, free_swap(swap_free));

    struct Number {
        const UniqueFd* fd;
        Bytes* value;
    };
    for (const Number& item :
         {Number{&current_, &out.current}, Number{&max_, &out.hard}, Number{&high_, &out.tripwire}}) {
        const auto value = number(*item.fd);
        if (!value) return tl::make_unexpected(value.error());
        *item.value = *value;
    }
    if (pressure_) {
        // A kernel booted with psi=0 has the file but answers EOPNOTSUPP: no pressure is then what is known.
        auto pressure_text = read_held(pressure_.get(), buffer, path_);
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
