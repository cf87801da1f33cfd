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

Result<MemoryFiles> MemoryFiles::open(const Directory& directory, std::shared_ptr<LimitNode> above) {
    static_assert(kKinds.size() == kFiles);
    MemoryFiles out;
    out.above_ = std::move(above);
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

MemoryFiles::~MemoryFiles() {
    leave();
}

const LimitNode* MemoryFiles::ancestor(std::uint8_t level) const {
    const LimitNode* node = level == 0 ? nullptr : above_.get();
    for (std::uint8_t i = 1; node != nullptr && i < level; ++i) node = node->parent();
    return node;
}

/// The limits on zswap of this cgroup and of those above; few have any, so the files are not held open.
void MemoryFiles::read_zswap(std::uint64_t round) {
    if (zswap_round_ == round) return;
    zswap_round_ = round;
    LimitNode own(path_.str(), nullptr);
    own.refresh(round);
    zswap_room_ = own.zswap_room();
    zswap_writeback_ = own.zswap_writeback();
    for (const LimitNode* node = above_.get(); node != nullptr; node = node->parent()) {
        zswap_room_ = std::min(zswap_room_, node->zswap_room());
        zswap_writeback_ = zswap_writeback_ && node->zswap_writeback();
    }
}

/// mm/memcontrol.c, mem_cgroup_get_nr_swap_pages(): the least along the path.
SwapRoom MemoryFiles::swap_room(const Surroundings& around) {
    SwapRoom out;
    // Asked before, because an error costs allocations, and this is the hot path.
    if (around.swap.free.value == 0 || absent_[kSwapMaximum] || absent_[kSwapCurrent]) return out;
    const auto limit = number(kSwapMaximum);
    const auto used = number(kSwapCurrent);
    if (!limit || !used || limit->value <= used->value) return out;
    out.free = {std::min(around.swap.free.value, limit->value - used->value)};
    for (const LimitNode* node = above_.get(); node != nullptr; node = node->parent())
        out.free = std::min(out.free, node->swap_room());
    if (!around.swap.zswap || out.free == Bytes{}) return out;
    read_zswap(around.round);
    out.only_zswap = !zswap_writeback_;
    out.zswap_free = zswap_room_;
    return out;
}

void MemoryFiles::add_to_ancestors(Bytes swappable, Bytes protected_cache) {
    if (swappable == swappable_ && protected_cache == protected_) return;
    const auto change = [](Bytes now, Bytes before) {
        return static_cast<std::int64_t>(now.value) - static_cast<std::int64_t>(before.value);
    };
    for (LimitNode* node = above_.get(); node != nullptr; node = node->parent()) {
        node->add_swappable(change(swappable, swappable_));
        node->add_protected(change(protected_cache, protected_));
    }
    swappable_ = swappable;
    protected_ = protected_cache;
}

/// The cgroup above with the least headroom, when that is less than the container's own.
void MemoryFiles::bind_above(MemorySample& out) const {
    Bytes least = out.hard;
    if (least != kMax) least.value -= std::min(least.value, out.unreclaimable.value);
    std::uint8_t level = 0;
    for (LimitNode* node = above_.get(); node != nullptr; node = node->parent()) {
        ++level;
        const Bytes headroom = node->headroom(least);
        if (headroom >= least) continue;
        least = out.headroom_above = headroom;
        out.bound_level = level;
    }
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

Result<MemorySample> MemoryFiles::sample(const Surroundings& around) {
    MemorySample out;
    for (LimitNode* node = above_.get(); node != nullptr; node = node->parent()) node->refresh(around.round);
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
    const Bytes swap_takes = swappable(*stat, swap_room(around));
    out.unreclaimable = unreclaimable(*stat, swap_takes);
    out.clean_cache = clean_cache(*stat);
    out.unwritten = {stat->file_dirty.value + stat->file_writeback.value};
    out.writeback = stat->file_writeback;

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
    const std::uint64_t kept = std::min(min_.value, out.current.value);
    add_to_ancestors(swap_takes, {kept > out.unreclaimable.value ? kept - out.unreclaimable.value : 0});
    bind_above(out);
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
