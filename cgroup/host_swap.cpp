// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/host_swap.hpp"

#include "cgroup/directory.hpp"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

namespace cgroups {
namespace {

constexpr std::uint64_t kKibibyte = 1024;

/// The columns of a line that is separated by blanks, at most N.
template <std::size_t N>
std::array<std::string_view, N> columns(std::string_view line) {
    std::array<std::string_view, N> out;
    std::size_t found = 0;
    while (found < N) {
        const auto begin = line.find_first_not_of(" \t\n");
        if (begin == std::string_view::npos) break;
        line.remove_prefix(begin);
        const auto end = std::min(line.find_first_of(" \t\n"), line.size());
        out[found++] = line.substr(0, end);
        line.remove_prefix(end);
    }
    return out;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::string_view read_into(std::span<char> buffer, const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return {};
    const auto text = read_held(fd.get(), buffer, path);
    return text ? *text : std::string_view();
}

std::string text_of(const std::string& path) {
    std::array<char, 8192> buffer;
    return std::string(read_into(buffer, path));
}

/// mm_stat's columns: orig_data_size compr_data_size mem_used_total mem_limit … (bytes).
constexpr std::size_t kMemUsed = 2;
constexpr std::size_t kMemLimit = 3;

}  // namespace

std::vector<SwapDevice> parse_swaps(std::string_view text) {
    std::vector<SwapDevice> out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto fields = columns<4>(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto size = number(fields[2]);
        const auto used = number(fields[3]);
        if (!size || !used || fields[0].empty()) continue;  // the head line, or a format of another kernel
        constexpr std::string_view kDev = "/dev/";
        std::string_view name = fields[0];
        if (name.starts_with(kDev)) name.remove_prefix(kDev.size());
        out.push_back({std::string(name), {*size * kKibibyte}, {*used * kKibibyte}});
    }
    return out;
}

Bytes zram_use(std::string_view mm_stat) {
    return {number(columns<4>(mm_stat)[kMemUsed]).value_or(0)};
}

Bytes zram_room(Bytes free, std::string_view mm_stat) {
    const auto fields = columns<4>(mm_stat);
    const auto used = number(fields[kMemUsed]);
    const auto limit = number(fields[kMemLimit]);
    if (!used || !limit || *limit == 0) return free;
    return {std::min(free.value, *limit > *used ? *limit - *used : 0)};
}

HostSwap judge_swap(const SwapTexts& texts) {
    HostSwap out;
    out.zswap = texts.zswap;
    if (number(columns<1>(texts.swappiness)[0]) == 0U) return out;
    const Bytes free = parse_meminfo(texts.meminfo, "SwapFree").value_or(Bytes{});
    // A page in zram occupies memory of the host: where none is available it cannot be stored.
    const Bytes available = parse_meminfo(texts.meminfo, "MemAvailable").value_or(Bytes{});
    const std::uint64_t zram = std::min(texts.zram_free.value, available.value);
    const std::uint64_t disks =
        free.value > texts.zram_counted.value ? free.value - texts.zram_counted.value : 0;
    out.free = {disks + zram};
    return out;
}

HostSwap SwapReader::read() const {
    std::array<char, 8192> buffer;
    SwapTexts texts;
    texts.meminfo = read_into(buffer, meminfo_);
    if (parse_meminfo(texts.meminfo, "SwapFree").value_or(Bytes{}) == Bytes{}) return {};
    const std::string swappiness = text_of(proc_ + "/sys/vm/swappiness");
    texts.swappiness = swappiness;
    for (const SwapDevice& device : parse_swaps(text_of(proc_ + "/swaps"))) {
        if (!device.is_zram()) continue;
        const Bytes free{device.size.value > device.used.value ? device.size.value - device.used.value : 0};
        texts.zram_counted.value += free.value;
        texts.zram_free.value += zram_room(free, text_of(sys_ + "/block/" + device.name + "/mm_stat")).value;
    }
    texts.zswap = text_of(sys_ + "/module/zswap/parameters/enabled").starts_with('Y');
    return judge_swap(texts);
}

Result<Bytes> usable_memory(const std::string& proc, const std::string& sys) {
    const std::string path = proc + "/meminfo";
    if (::access(path.c_str(), R_OK) != 0) return errno_error("read", path);
    const std::string meminfo = text_of(path);
    const auto total = parse_meminfo(meminfo, "MemTotal");
    if (!total || *total == Bytes{}) return make_error(std::errc::invalid_argument, "find MemTotal in", path);
    std::uint64_t taken = parse_meminfo(meminfo, "Hugetlb").value_or(Bytes{}).value;
    // Every zram device, also one that is no swap: its pages are the host's.
    ::glob_t found{};
    if (::glob((sys + "/block/zram*/mm_stat").c_str(), 0, nullptr, &found) == 0)
        for (std::size_t i = 0; i < found.gl_pathc; ++i) taken += zram_use(text_of(found.gl_pathv[i])).value;
    ::globfree(&found);
    return Bytes{total->value > taken ? total->value - taken : 0};
}

}  // namespace cgroups
