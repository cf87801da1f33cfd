// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/self.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cgroup/directory.hpp"

namespace governor {
namespace {

/// Not -1000: a governor that leaks should itself be killed before the host dies.
constexpr int kOomScoreAdj = -900;
/// Well above what it uses, so that its own pages are never reclaimed.
constexpr cgroups::Bytes kOwnMin{32UL << 20U};
/// Eight files for each of ten thousand cgroups.
constexpr rlim_t kFiles = 100'000;

}  // namespace

std::vector<std::string> protect_self(const std::string& cgroup_mount, const cgroups::Processes& processes) {
    std::vector<std::string> failed;
    // ONFAULT: what is never touched (thread stacks, mostly) need not be there.
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        failed.push_back(std::string("cannot lock its memory (") + std::strerror(errno) +
                         "): add the capability IPC_LOCK, or the ulimit memlock: -1");
    if (const auto set = processes.set_oom_score_adj(0, kOomScoreAdj); !set)
        failed.push_back(set.error().message() + ": add the capability SYS_RESOURCE, or set oom_score_adj in the Compose file");
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < kFiles) {
        files.rlim_cur = files.rlim_max < kFiles ? files.rlim_max : kFiles;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    const auto own = processes.cgroup_path(::getpid());
    if (own && *own != "/" && own->find("..") == std::string::npos) {
        const auto directory = cgroups::Directory::open(cgroup_mount + *own);
        const auto written = directory ? directory->write_bytes("memory.min", kOwnMin) : tl::make_unexpected(directory.error());
        if (!written) failed.push_back(written.error().message() + ": its own memory is not reserved");
    }
    return failed;
}

}  // namespace governor
