// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/directory.hpp"
#include "cgroup/kernel_log.hpp"
#include "governor/cli/doctor/probe.hpp"
#include "governor/docker/cgroup_path.hpp"
#include "governor/host_ledger.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace governor::cli::doctor {
namespace {

/// Fixed numbers of the first namespaces (kernel: include/linux/proc_ns.h).
constexpr std::string_view kHostCgroupNamespace = "cgroup:[4026531835]";
constexpr std::string_view kHostPidNamespace = "pid:[4026531836]";

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::optional<bool> is_namespace(const std::string& link, std::string_view wanted) {
    std::array<char, 64> target{};
    const auto length = ::readlink(link.c_str(), target.data(), target.size());
    if (length <= 0) return std::nullopt;
    return std::string_view(target.data(), static_cast<std::size_t>(length)) == wanted;
}

/// The first word after `label` on the line that begins with it; empty when there is none.
std::string_view word_after(std::string_view text, std::string_view label) {
    constexpr std::string_view kBlank = " \t";
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (!line.starts_with(label)) continue;
        line.remove_prefix(label.size());
        const auto begin = line.find_first_not_of(kBlank);
        if (begin == std::string_view::npos) return {};
        line.remove_prefix(begin);
        return line.substr(0, line.find_first_of(kBlank));
    }
    return {};
}

template <class T>
std::optional<T> number_of(std::string_view word, int base) {
    T value{};
    const auto [rest, code] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (word.empty() || code != std::errc() || rest != word.data() + word.size()) return std::nullopt;
    return value;
}

/// Only the rights: the root cgroup is not ours to make directories in.
WriteProbe look_at_rights(const std::string& mount) {
    const std::string file = mount + "/cgroup.procs";
    WriteProbe out;
    out.where = file;
    out.good = ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) == 0;
    if (!out.good) out.reason = std::strerror(errno);
    return out;
}

WriteProbe try_directory(const std::string& own) {
    WriteProbe out;
    out.tried = true;
    out.where = own;
    const std::string path = own + "/governor-doctor-" + std::to_string(::getpid());
    if (::mkdir(path.c_str(), 0755) != 0) {
        out.reason = std::strerror(errno);
        return out;
    }
    out.good = ::rmdir(path.c_str()) == 0;
    if (!out.good)
        out.reason = "the directory " + path + " was made but cannot be removed: " + std::strerror(errno);
    return out;
}

WriteProbe probe_write(const std::string& mount, const std::string& proc) {
    const auto own = docker::parse_proc_cgroup(slurp(proc + "/self/cgroup"));
    const bool has_own = own && *own != "/" && own->find("..") == std::string::npos;
    struct stat info {};
    if (!has_own || ::stat((mount + *own).c_str(), &info) != 0) return look_at_rights(mount);
    return try_directory(mount + *own);
}

}  // namespace

HostFacts probe_host(const std::string& proc, const std::string& sys, const std::string& cgroup_mount) {
    HostFacts out;
    if (auto hierarchy = cgroups::find_hierarchy(cgroup_mount)) {
        out.hierarchy = std::move(*hierarchy);
    } else {
        out.hierarchy_error = hierarchy.error().message();
    }
    if (out.hierarchy && !out.hierarchy->mount.empty()) {
        const auto& mount = out.hierarchy->mount;
        // The kernel gives every cgroup but the root a cgroup.type.
        out.tree_is_host = ::access((mount + "/cgroup.type").c_str(), F_OK) != 0;
        out.write = probe_write(mount, proc);
        out.recursive_protection = cgroups::has_recursive_protection(slurp(proc + "/self/mountinfo"), mount);
    }
    if (const auto memory = read_host_memory(proc, sys)) {
        out.memory = *memory;
    } else {
        out.memory_error = memory.error().message();
    }
    const auto swap_free = cgroups::parse_meminfo(slurp(proc + "/meminfo"), "SwapFree");
    out.swap_unused = swap_free.value_or(cgroups::Bytes{}) != cgroups::Bytes{} &&
                      slurp(proc + "/sys/vm/swappiness").starts_with("0");
    out.host_cgroup_namespace = is_namespace(proc + "/self/ns/cgroup", kHostCgroupNamespace);
    out.host_pid_namespace = is_namespace(proc + "/self/ns/pid", kHostPidNamespace);
    out.capabilities =
        number_of<std::uint64_t>(word_after(slurp(proc + "/self/status"), "CapEff:"), 16).value_or(0);
    if (auto log = cgroups::KernelLog::open(cgroups::KernelLog::kPath); !log) {
        out.kernel_log_error = log.error().message();
    } else if (const auto record = log->next(); !record) {
        out.kernel_log_error = record.error().message();
    }
    const std::string limits = slurp(proc + "/self/limits");
    const auto memlock = word_after(limits, "Max locked memory");
    if (memlock != "unlimited") out.memlock = number_of<std::uint64_t>(memlock, 10).value_or(0);
    return out;
}

}  // namespace governor::cli::doctor
