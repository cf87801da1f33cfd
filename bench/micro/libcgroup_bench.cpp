// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/directory.hpp"

#include <fcntl.h>

#include <benchmark/benchmark.h>
#include <libcgroup.h>

#include <array>
#include <cstdlib>
#include <string>

// libcgroup against `pread` on a held fd (docs/adr/0002-libcgroup-on-the-slow-path.md).
namespace {

/// Where libcgroup finds the memory controller, in whichever hierarchy; empty when there is none.
std::string memory_mount() {
    char* where = nullptr;
    if (::cgroup_init() != 0 || ::cgroup_get_subsys_mount_point("memory", &where) != 0 || where == nullptr)
        return {};
    std::string path = where;
    std::free(where);
    return path;
}

constexpr const char* kNoMount = "skipped: no memory controller is mounted where libcgroup looks";

/// memory.stat of the root cgroup, read three ways. Its text is a cgroup v1 one on a hybrid host; the ways
/// stay comparable.
void stat_by_libcgroup(benchmark::State& state) {
    if (memory_mount().empty()) return state.SkipWithError(kNoMount);
    for (auto _ : state) {
        void* handle = nullptr;
        cgroup_stat line{};
        int count = 0;
        int result = ::cgroup_read_stats_begin("memory", "/", &handle, &line);
        while (result == 0) {
            ++count;
            result = ::cgroup_read_stats_next(&handle, &line);
        }
        ::cgroup_read_stats_end(&handle);
        if (count == 0) return state.SkipWithError("skipped: libcgroup cannot read memory.stat");
    }
}

void stat_by_open_and_read(benchmark::State& state) {
    const auto root = cgroups::Directory::open(memory_mount());
    std::array<char, 8192> buffer;
    if (!root || !root->read("memory.stat", buffer)) return state.SkipWithError(kNoMount);
    for (auto _ : state) {
        auto stat = cgroups::parse_memory_stat(*root->read("memory.stat", buffer));
        benchmark::DoNotOptimize(stat);
    }
}

void stat_by_held_fd(benchmark::State& state) {
    const auto root = cgroups::Directory::open(memory_mount());
    if (!root) return state.SkipWithError(kNoMount);
    const auto fd = root->open_file("memory.stat", O_RDONLY);
    if (!fd) return state.SkipWithError(kNoMount);
    std::array<char, 8192> buffer;
    for (auto _ : state) {
        auto stat = cgroups::parse_memory_stat(*cgroups::read_held(fd->get(), buffer, "memory.stat"));
        benchmark::DoNotOptimize(stat);
    }
}

/// A file with one number that costs the kernel nothing to print: the way to it is the whole price.
std::string number_file() {
    const auto root = cgroups::Directory::open(memory_mount());
    for (const char* name : {"memory.limit_in_bytes", "cgroup.max.depth"})
        if (root && root->open_file(name, O_RDONLY)) return name;
    return {};
}

void number_by_libcgroup(benchmark::State& state) {
    std::string name = number_file();
    if (name.empty()) return state.SkipWithError(kNoMount);
    std::array<char, 64> buffer{};
    for (auto _ : state) {
        void* handle = nullptr;
        const int result = ::cgroup_read_value_begin("memory", "/", name.data(), &handle, buffer.data(),
                                                     static_cast<int>(buffer.size()));
        if (result != 0 && result != ECGEOF)
            return state.SkipWithError("skipped: libcgroup cannot read a value");
        ::cgroup_read_value_end(&handle);
        auto value = cgroups::parse_bytes(buffer.data());
        benchmark::DoNotOptimize(value);
    }
}

void number_by_held_fd(benchmark::State& state) {
    const auto root = cgroups::Directory::open(memory_mount());
    const std::string name = number_file();
    if (name.empty()) return state.SkipWithError(kNoMount);
    const auto fd = root->open_file(name, O_RDONLY);
    std::array<char, 64> buffer;
    for (auto _ : state) {
        auto value = cgroups::parse_bytes(*cgroups::read_held(fd->get(), buffer, name));
        benchmark::DoNotOptimize(value);
    }
}

BENCHMARK(stat_by_libcgroup);
BENCHMARK(stat_by_open_and_read);
BENCHMARK(stat_by_held_fd);
BENCHMARK(number_by_libcgroup);
BENCHMARK(number_by_held_fd);

}  // namespace
