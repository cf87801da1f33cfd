// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/parse.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace cgroups {
namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    return text;
}

template <class T>
bool to_number(std::string_view text, T& out, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc{} && end == text.data() + text.size();
}

/// Takes the first line off `text`.
std::string_view next_line(std::string_view& text) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

/// Calls `take(key, value)` for each "key number" line; false when a number is not one.
template <class Take>
bool for_each_pair(std::string_view text, Take take) {
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        const auto space = line.find(' ');
        if (space == std::string_view::npos || space == 0) continue;
        if (!take(line.substr(0, space), line.substr(space + 1))) return false;
    }
    return true;
}

/// "12.34" -> 123 permille. The kernel always prints two decimals.
bool to_permille(std::string_view text, std::int32_t& out) {
    const auto dot = text.find('.');
    std::int32_t whole = 0;
    if (!to_number(text.substr(0, dot), whole)) return false;
    std::int32_t tenths = 0;
    if (dot != std::string_view::npos && dot + 1 < text.size() && !to_number(text.substr(dot + 1, 1), tenths))
        return false;
    out = whole * 10 + tenths;
    return true;
}

bool parse_pressure_line(std::string_view line, Pressure& out) {
    const auto avg = line.find("avg10=");
    const auto total = line.find("total=");
    if (avg == std::string_view::npos || total == std::string_view::npos) return false;
    const std::string_view value = line.substr(avg + 6, line.find(' ', avg) - avg - 6);
    return to_permille(value, out.avg10_permille) && to_number(trim(line.substr(total + 6)), out.total_us);
}

}  // namespace

std::optional<Bytes> parse_bytes(std::string_view text) {
    text = trim(text);
    if (text == "max") return kMax;
    Bytes out;
    if (!to_number(text, out.value)) return std::nullopt;
    return out;
}

std::optional<MemoryEvents> parse_memory_events(std::string_view text) {
    MemoryEvents out;
    bool recognised =
        false;  // a text without it is no memory.events, and all zeros would look like a healthy container
    const bool good = for_each_pair(text, [&](std::string_view key, std::string_view value) {
        if (key == "high") return recognised = true, to_number(value, out.high);
        if (key == "max") return to_number(value, out.max);
        if (key == "oom_kill") return to_number(value, out.oom_kill);
        if (key == "oom") return to_number(value, out.oom);
        if (key == "low") return to_number(value, out.low);
        if (key == "oom_group_kill") return to_number(value, out.oom_group_kill);
        return true;
    });
    if (!good || !recognised) return std::nullopt;
    return out;
}

std::optional<MemoryStat> parse_memory_stat(std::string_view text) {
    MemoryStat out;
    std::uint64_t parts = 0;  // kernel memory on kernels before 5.18, which have no "kernel" line
    bool has_kernel = false;
    bool recognised =
        false;  // a text without "anon" is no memory.stat, and all zeros would look like a healthy container
    const bool good = for_each_pair(text, [&](std::string_view key, std::string_view value) {
        std::uint64_t part = 0;
        switch (key.front()) {
            case 'a':
                if (key == "anon") return recognised = true, to_number(value, out.anon.value);
                if (key == "active_anon") return to_number(value, out.active_anon.value);
                return true;
            case 'f':
                if (key == "file") return to_number(value, out.file.value);
                if (key == "file_dirty") return to_number(value, out.file_dirty.value);
                return key == "file_writeback" ? to_number(value, out.file_writeback.value) : true;
            case 'h':
                return key == "hugetlb" ? to_number(value, out.hugetlb.value) : true;
            case 'z':
                if (key == "zswap") return to_number(value, out.zswap.value);
                return key == "zswapped" ? to_number(value, out.zswapped.value) : true;
            case 'i':
                return key == "inactive_anon" ? to_number(value, out.inactive_anon.value) : true;
            case 'k':
                if (key == "kernel") return has_kernel = true, to_number(value, out.kernel.value);
                if (key != "kernel_stack") return true;
                break;
            case 'p':
                if (key != "pagetables" && key != "percpu") return true;
                break;
            case 'v':
                if (key != "vmalloc") return true;
                break;
            case 's':
                if (key == "sock") return to_number(value, out.sock.value);
                if (key == "shmem") return to_number(value, out.shmem.value);
                if (key == "slab_reclaimable") {
                    if (!to_number(value, out.slab_reclaimable.value)) return false;
                    parts += out.slab_reclaimable.value;
                    return true;
                }
                if (key != "slab_unreclaimable" && key != "sec_pagetables") return true;
                break;
            case 'u':
                return key == "unevictable" ? to_number(value, out.unevictable.value) : true;
            default:
                return true;
        }
        if (!to_number(value, part)) return false;
        parts += part;
        return true;
    });
    if (!good || !recognised) return std::nullopt;
    if (!has_kernel) out.kernel.value = parts;
    return out;
}

namespace {

/// Of the pages that count as anonymous here, those that are on the anon lists: the others are locked.
std::uint64_t on_anon_lists(const MemoryStat& stat) {
    return std::min(stat.active_anon.value + stat.inactive_anon.value, stat.anon.value + stat.shmem.value);
}

std::uint64_t locked_file(const MemoryStat& stat) {
    const std::uint64_t anon_like = stat.anon.value + stat.shmem.value;
    const std::uint64_t locked_anon = anon_like - on_anon_lists(stat);
    return stat.unevictable.value > locked_anon ? stat.unevictable.value - locked_anon : 0;
}

}  // namespace

Bytes unreclaimable(const MemoryStat& stat, Bytes swap_takes) {
    const std::uint64_t anon_like = stat.anon.value + stat.shmem.value;
    const std::uint64_t kernel =
        stat.kernel.value > stat.slab_reclaimable.value ? stat.kernel.value - stat.slab_reclaimable.value : 0;
    const std::uint64_t taken = std::min(swap_takes.value, on_anon_lists(stat));
    return {anon_like + locked_file(stat) + kernel + stat.sock.value + stat.hugetlb.value - taken};
}

Bytes swappable(const MemoryStat& stat, const SwapRoom& room) {
    std::uint64_t pages = std::min(room.free.value, on_anon_lists(stat));
    if (!room.only_zswap) return {pages};
    double ratio = 0.5;
    if (stat.zswapped.value > 0)
        ratio =
            std::min(1.0, static_cast<double>(stat.zswap.value) / static_cast<double>(stat.zswapped.value));
    if (room.zswap_free != kMax && ratio > 0) {
        const double stored = static_cast<double>(room.zswap_free.value) / ratio;
        if (stored < static_cast<double>(pages)) pages = static_cast<std::uint64_t>(stored);
    }
    return {static_cast<std::uint64_t>(static_cast<double>(pages) * (1.0 - ratio))};
}

Bytes clean_cache(const MemoryStat& stat) {
    const std::uint64_t busy =
        stat.shmem.value + locked_file(stat) + stat.file_dirty.value + stat.file_writeback.value;
    return {(stat.file.value > busy ? stat.file.value - busy : 0) + stat.slab_reclaimable.value};
}

std::optional<PressureFile> parse_pressure(std::string_view text) {
    PressureFile out;
    bool some = false;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (line.starts_with("some ")) {
            if (!parse_pressure_line(line, out.some)) return std::nullopt;
            some = true;
        } else if (line.starts_with("full ")) {
            if (!parse_pressure_line(line, out.full)) return std::nullopt;
        }
    }
    if (!some) return std::nullopt;
    return out;
}

std::optional<CgroupEvents> parse_cgroup_events(std::string_view text) {
    CgroupEvents out;
    bool recognised = false;
    const bool good = for_each_pair(text, [&](std::string_view key, std::string_view value) {
        if (key != "populated" && key != "frozen") return true;
        recognised = true;
        (key == "frozen" ? out.frozen : out.populated) = value == "1";
        return value == "0" || value == "1";
    });
    if (!good || !recognised) return std::nullopt;
    return out;
}

std::vector<int> parse_pids(std::string_view text) {
    std::vector<int> out;
    while (!text.empty()) {
        int pid = 0;
        if (to_number(next_line(text), pid)) out.push_back(pid);
    }
    return out;
}

std::optional<SignalStatus> parse_signal_status(std::string_view text) {
    SignalStatus out;
    int found = 0;
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view key = line.substr(0, colon);
        const std::string_view value = trim(line.substr(colon + 1));
        std::uint64_t* mask = nullptr;
        if (key == "SigPnd") mask = &out.pending_thread;
        if (key == "ShdPnd") mask = &out.pending_process;
        if (key == "SigBlk") mask = &out.blocked;
        if (key == "SigIgn") mask = &out.ignored;
        if (key == "SigCgt") mask = &out.caught;
        if (mask != nullptr) {
            if (!to_number(value, *mask, 16)) return std::nullopt;
            ++found;
        } else if (key == "Threads") {
            if (!to_number(value, out.thread_count)) return std::nullopt;
        } else if (key == "NSpid") {
            // One pid for each namespace, from the reader's down to the process's own.
            out.namespace_init = value.substr(value.find_last_of(" \t") + 1) == "1";
        }
    }
    if (found != 5) return std::nullopt;
    return out;
}

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        return std::nullopt;
    ProcessStat out;
    out.comm = text.substr(open + 1, close - open - 1);
    std::string_view rest = text.substr(close + 1);
    // proc(5): field 3 follows the name; 4 is the parent, 22 the start time.
    constexpr int kParent = 4;
    constexpr int kStart = 22;
    for (int field = 3; field <= kStart; ++field) {
        rest = trim(rest);
        const std::string_view word = rest.substr(0, rest.find(' '));
        if (word.empty()) return std::nullopt;
        if (field == kParent) {
            std::uint64_t parent = 0;
            if (!to_number(word, parent) || parent > std::numeric_limits<int>::max()) return std::nullopt;
            out.parent = static_cast<int>(parent);
        }
        if (field == kStart && !to_number(word, out.start)) return std::nullopt;
        rest.remove_prefix(word.size());
    }
    return out;
}

std::optional<Bytes> parse_meminfo(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') continue;
        std::string_view value = trim(line.substr(key.size() + 1));
        if (value.ends_with(" kB")) value.remove_suffix(3);
        Bytes out;
        if (!to_number(trim(value), out.value)) return std::nullopt;
        if (out.value > kMax.value / 1024) return std::nullopt;
        out.value *= 1024;
        return out;
    }
    return std::nullopt;
}

}  // namespace cgroups
