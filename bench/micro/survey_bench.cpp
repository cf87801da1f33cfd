// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/survey.hpp"
#include "tests/support/cgroup_tree.hpp"
#include "tests/support/native_cgroup.hpp"

#include <sys/mman.h>

#include <benchmark/benchmark.h>

#include <vector>

// What the processes of a frozen container cost to survey on the real kernel: the container waits meanwhile.
namespace {

constexpr std::size_t kEach = 20U << 20U;

/// Processes that hold memory and wait; killed and reaped with the object.
class Holders {
  public:
    Holders(const cgroups::Directory& where, int count) {
        for (int i = 0; i < count; ++i) {
            const pid_t pid = ::fork();
            if (pid == 0) {
                ::mmap(nullptr, kEach, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
                       0);
                while (true) ::pause();
            }
            // kill(-1) would end everything.
            if (pid > 0) pids_.push_back(pid);
            if (pid <= 0 || !where.write("cgroup.procs", std::to_string(pid))) good_ = false;
        }
        // Until the last one holds its memory.
        const cgroups::Processes processes;
        for (const pid_t pid : pids_)
            for (int i = 0; i < 1000; ++i) {
                const auto look = processes.look(pid);
                if (look && look->anonymous.value >= kEach) break;
                ::usleep(10000);
            }
    }
    Holders(const Holders&) = delete;
    Holders& operator=(const Holders&) = delete;
    ~Holders() {
        for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
        for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    }
    bool good() const { return good_; }

  private:
    std::vector<pid_t> pids_;
    bool good_ = true;
};

void survey(benchmark::State& state) {
    std::string why;
    const auto cgroup = NativeCgroup::make(why);
    if (!cgroup) return state.SkipWithError(("skipped: " + why).c_str());
    const Holders holders(cgroup->directory(), static_cast<int>(state.range(0)));
    if (!holders.good() || !cgroup->directory().freeze())
        return state.SkipWithError("cannot set up the cgroup");
    // The memory files are not read: a tree of plain files will do where the kernel's controller is missing.
    TempTree tree;
    governor::test::add_scope(tree, "0123", 1, "268435456");
    const auto scope = cgroups::Directory::open(tree.path("system.slice/docker-0123.scope"));
    auto real = cgroups::Directory::open(cgroup->directory().path());
    auto files = cgroups::MemoryFiles::open(*scope);
    if (!real || !files) return state.SkipWithError("cannot open the cgroup");
    const auto run = std::make_shared<governor::Run>(std::move(*real), std::move(*files));
    const auto clock = [] {
        return policies::TimePoint(std::chrono::steady_clock::now().time_since_epoch());
    };
    std::size_t found = 0;
    for (auto _ : state) {
        const auto findings =
            governor::act::survey_processes({run, run->look, {}, cgroups::Processes(), clock});
        found = findings.survey.processes;
    }
    static_cast<void>(cgroup->directory().thaw());
    if (found != static_cast<std::size_t>(state.range(0)))
        state.SkipWithError("not all processes were found");
}
BENCHMARK(survey)->Arg(4)->Arg(20)->Arg(100)->Iterations(200)->Unit(benchmark::kMicrosecond);

}  // namespace
