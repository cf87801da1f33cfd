// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/parse.hpp"
#include "cgroup/psi_trigger.hpp"
#include "tests/support/native_cgroup.hpp"

#include <sys/mman.h>

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

// Pressure on the real kernel, in real time: how long after its tasks began to stall a cgroup's trigger
// tells. The stalls are reclaim of page cache: a process reads a file that is four times its memory limit.
// The limit is one of cgroup v1 where the machine's memory controller still is there; pressure is counted for
// its cgroup v2 all the same.
namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::size_t kLimit = 24UL << 20U;
constexpr std::size_t kFile = 4 * kLimit;

/// A memory limit for one process, gone with the object.
class Limit {
  public:
    explicit Limit(const cgroups::Directory& v2) {
        if (v2.write("memory.max", std::to_string(kLimit))) {
            good_ = true;
            return;
        }
        v1_ = "/sys/fs/cgroup/memory/governor-bench-" + std::to_string(::getpid());
        std::error_code error;
        good_ = fs::create_directory(v1_, error) &&
                (std::ofstream(v1_ / "memory.limit_in_bytes") << kLimit).flush();
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
    ~Limit() {
        std::error_code ignored;
        if (!v1_.empty()) fs::remove(v1_, ignored);
    }
    bool put(pid_t pid) const {
        return good_ && (v1_.empty() || (std::ofstream(v1_ / "cgroup.procs") << pid).flush());
    }

  private:
    fs::path v1_;
    bool good_ = false;
};

/// A file that is on the disk and in nobody's page cache.
class ColdFile {
  public:
    ColdFile() : file_(std::tmpfile()) {
        if (file_ == nullptr) return;
        const std::vector<char> block(1U << 20U, 'x');
        for (std::size_t at = 0; at < kFile; at += block.size())
            std::fwrite(block.data(), 1, block.size(), file_);
        std::fflush(file_);
        ::fsync(fd());
        ::posix_fadvise(fd(), 0, 0, POSIX_FADV_DONTNEED);
    }
    ColdFile(const ColdFile&) = delete;
    ColdFile& operator=(const ColdFile&) = delete;
    ~ColdFile() {
        if (file_ != nullptr) std::fclose(file_);
    }
    explicit operator bool() const { return file_ != nullptr; }
    int fd() const { return ::fileno(file_); }

  private:
    std::FILE* file_;
};

[[noreturn]] void read_for_ever(int fd) {
    const auto* data =
        static_cast<const volatile char*>(::mmap(nullptr, kFile, PROT_READ, MAP_SHARED, fd, 0));
    while (true)
        for (std::size_t at = 0; at < kFile; at += 4096) static_cast<void>(data[at]);
}

std::chrono::microseconds stalled(const cgroups::Directory& cgroup) {
    std::array<char, 256> buffer{};
    const auto fd = cgroup.open_file("memory.pressure", O_RDONLY);
    if (!fd) return {};
    const auto text = cgroups::read_held(fd->get(), buffer, "memory.pressure");
    const auto now = text ? cgroups::parse_pressure(*text) : std::nullopt;
    return std::chrono::microseconds(now ? now->some.total_us : 0);
}

/// A trigger of a tenth of a second within two, as a policy's `pressure: { some: 5% }` arms it.
void pressure_told(benchmark::State& state) {
    std::string why;
    const auto cgroup = NativeCgroup::make(why);
    if (!cgroup) return state.SkipWithError(("skipped: " + why).c_str());
    const ColdFile file;
    const Limit limit(cgroup->directory());
    if (!file) return state.SkipWithError("skipped: cannot make a file in the folder for temporary ones");
    const pid_t reader = ::fork();
    if (reader < 0) return state.SkipWithError("skipped: cannot fork");  // kill(-1) would end everything
    if (reader == 0) {
        ::raise(SIGSTOP);
        read_for_ever(file.fd());
    }
    ::waitpid(reader, nullptr, WUNTRACED);
    const bool ready = cgroup->directory().write("cgroup.procs", std::to_string(reader)) && limit.put(reader);
    std::chrono::microseconds all{};
    for (auto _ : state) {
        if (!ready) {
            state.SkipWithError("skipped: no memory controller that lets us limit a process");
            break;
        }
        const auto trigger =
            cgroups::arm_psi_trigger(cgroup->directory(), {.stall = std::chrono::milliseconds(100)});
        if (!trigger) {
            state.SkipWithError(("skipped: " + trigger.error().message()).c_str());
            break;
        }
        const auto before = stalled(cgroup->directory());
        const auto begin = Clock::now();
        ::kill(reader, SIGCONT);
        pollfd waiting{trigger->get(), POLLPRI, 0};
        const bool told = ::poll(&waiting, 1, 20000) == 1;
        state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
        ::kill(reader, SIGSTOP);
        all += stalled(cgroup->directory()) - before;
        if (!told) {
            state.SkipWithError("the kernel told of no pressure");
            break;
        }
    }
    ::kill(reader, SIGKILL);
    ::waitpid(reader, nullptr, 0);
    state.counters["stalled_ms"] =
        benchmark::Counter(static_cast<double>(all.count()) / 1e3, benchmark::Counter::kAvgIterations);
}
BENCHMARK(pressure_told)->UseManualTime()->Iterations(4)->Unit(benchmark::kMillisecond);

}  // namespace
