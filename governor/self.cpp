// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/self.hpp"

#include "cgroup/directory.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace governor {
namespace {

/// Not -1000: a governor that leaks should itself be killed before the host dies.
constexpr int kOomScoreAdj = -900;
/// Well above what it uses, so that its own pages are never reclaimed.
constexpr cgroups::Bytes kOwnMin{32UL << 20U};
/// Eight files for each of ten thousand idle containers, and more for those that are near their limit.
constexpr rlim_t kFiles = 262'144;
/// The numbers of the host's own namespaces are fixed in the kernel (linux/proc_ns.h).
constexpr std::string_view kHostPids = "pid:[4026531836]";
constexpr std::string_view kHostCgroups = "cgroup:[4026531835]";

/// One that cannot be read is taken for the host's: what depends on it fails with its own message.
bool is_other(const std::string& link, std::string_view host) {
    std::array<char, 64> target{};
    const auto length = ::readlink(link.c_str(), target.data(), target.size());
    return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) != host;
}

}  // namespace

std::optional<OwnProtection> own_protection(const std::string& cgroup_mount,
                                            const cgroups::Processes& processes) {
    const auto own = processes.cgroup_path(::getpid());
    if (!own || *own == "/" || own->find("..") != std::string::npos) return std::nullopt;
    return OwnProtection{cgroup_mount + *own, kOwnMin};
}

void stay_small() {
    // A huge page is resident as a whole for the first byte of it: the heap's end, and each thread's stack.
    ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    // One heap: what a thread frees, the loop uses again. The threads hardly ever meet in it.
    ::mallopt(M_ARENA_MAX, 1);
}

std::vector<std::string> protect_self(const std::string& cgroup_mount, const cgroups::Processes& processes) {
    std::vector<std::string> failed;
    // ONFAULT: what is never touched (thread stacks, mostly) need not be there.
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        failed.push_back(std::string("cannot lock its memory (") + std::strerror(errno) +
                         "): add the capability IPC_LOCK, or the ulimit memlock: -1");
    if (const auto set = processes.set_own_oom_score_adj(kOomScoreAdj); !set)
        failed.push_back(set.error().message() +
                         ": add the capability SYS_RESOURCE, or set oom_score_adj in the Compose file");
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < kFiles) {
        files.rlim_cur = files.rlim_max < kFiles ? files.rlim_max : kFiles;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    if (const auto own = own_protection(cgroup_mount, processes)) {
        const auto directory = cgroups::Directory::open(own->path);
        const auto written = directory ? directory->write_bytes("memory.min", own->min)
                                       : tl::make_unexpected(directory.error());
        if (!written) failed.push_back(written.error().message() + ": its own memory is not reserved");
    }
    return failed;
}

std::vector<std::string> lost_to_namespaces(const std::string& proc) {
    std::vector<std::string> lost;
    if (is_other(proc + "/self/ns/pid", kHostPids))
        lost.emplace_back(
            "containers' processes cannot be seen from a private pid namespace: no signal can be sent when "
            "Docker hangs, the "
            "children of a PID 1 are not held back, and nobody knows whether it handles its stop signal: run "
            "with `pid: host`");
    if (is_other(proc + "/self/ns/cgroup", kHostCgroups))
        lost.emplace_back(
            "a private cgroup namespace shows other paths than Docker's: run with `cgroup: host`");
    return lost;
}

}  // namespace governor
