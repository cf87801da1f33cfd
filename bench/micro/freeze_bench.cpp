// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/native_cgroup.hpp"

#include <benchmark/benchmark.h>

#include <vector>

// The brake on the real kernel: from the write to the moment the kernel says that every task stands still (or
// runs again).
namespace {

using Clock = std::chrono::steady_clock;

/// Processes in the cgroup that burn the CPU, as a leaking worker does; killed and reaped with the object.
class Workers {
  public:
    Workers(const cgroups::Directory& where, int count) {
        for (int i = 0; i < count; ++i) {
            const pid_t pid = ::fork();
            if (pid == 0) {
                while (true) benchmark::ClobberMemory();
            }
            // kill(-1) would end everything.
            if (pid > 0) pids_.push_back(pid);
            if (pid <= 0 || !where.write("cgroup.procs", std::to_string(pid))) good_ = false;
        }
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers() {
        for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
        for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    }
    bool good() const { return good_; }

  private:
    std::vector<pid_t> pids_;
    bool good_ = true;
};

/// Waits until cgroup.events says `frozen`; false when it never does.
bool wait_for(int events, bool frozen) {
    char buffer[128];
    while (true) {
        const auto text = cgroups::read_held(events, buffer, "cgroup.events");
        const auto now = text ? cgroups::parse_cgroup_events(*text) : std::nullopt;
        if (!now) return false;
        if (now->frozen == frozen) return true;
        pollfd waiting{events, POLLPRI, 0};
        if (::poll(&waiting, 1, 10000) <= 0) return false;
    }
}

void toggle(benchmark::State& state, bool measure_freeze) {
    std::string why;
    const auto cgroup = NativeCgroup::make(why);
    if (!cgroup) return state.SkipWithError(("skipped: " + why).c_str());
    const Workers workers(cgroup->directory(), static_cast<int>(state.range(0)));
    const auto events = cgroup->directory().open_file("cgroup.events", O_RDONLY);
    const auto freezer = cgroup->directory().open_file("cgroup.freeze", O_WRONLY);
    if (!workers.good() || !events || !freezer) return state.SkipWithError("cannot set up the cgroup");
    for (auto _ : state) {
        for (const bool freeze : {true, false}) {
            const auto begin = Clock::now();
            const bool done =
                ::pwrite(freezer->get(), freeze ? "1" : "0", 1, 0) == 1 && wait_for(events->get(), freeze);
            if (!done) return state.SkipWithError("the kernel did not say that it is done");
            if (freeze == measure_freeze)
                state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
        }
    }
}

void freeze(benchmark::State& state) {
    toggle(state, true);
}
void thaw(benchmark::State& state) {
    toggle(state, false);
}
BENCHMARK(freeze)->UseManualTime()->Arg(1)->Arg(8)->Iterations(2000)->Unit(benchmark::kMicrosecond);
BENCHMARK(thaw)->UseManualTime()->Arg(1)->Arg(8)->Iterations(2000)->Unit(benchmark::kMicrosecond);

}  // namespace
