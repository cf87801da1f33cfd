// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/exec.hpp"

#include "cgroup/fd.hpp"
#include "governor/hooks/strays.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace governor::hooks {
namespace {

using cgroups::UniqueFd;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// How often a running program is left to see whether the governor ends.
constexpr milliseconds kGlance{100};
/// One that was killed ends at once, unless it hangs in the kernel (a dead network disk): it is left behind
/// then.
constexpr milliseconds kLastWait{5'000};

Outcome failed(std::string why) {
    return {Outcome::Kind::kFailed, std::move(why), {}};
}

std::string error_text(int code) {
    return std::generic_category().message(code);
}

/// A NUL would cut it, and the kernel takes 128 KiB at most for one.
std::string variable(const char* name, std::string value) {
    constexpr std::size_t kLongest = 16UL << 10U;
    std::ranges::replace(value, '\0', ' ');
    if (value.size() > kLongest) value.resize(kLongest);
    return std::string(name) + "=" + value;
}

std::string member(const nlohmann::json& event, const char* name) {
    const auto found = event.find(name);
    return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
}

struct SpawnSettings {
    SpawnSettings() {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

/// 0 or an errno; `input` becomes its standard input.
int spawn(const policies::ExecHook& hook, std::vector<std::string> environment, int input, pid_t& pid) {
    SpawnSettings settings;
    ::posix_spawn_file_actions_adddup2(&settings.files, input, STDIN_FILENO);
    // Standard output is the governor's log of events, where a hook's words would break the JSON.
    ::posix_spawn_file_actions_adddup2(&settings.files, STDERR_FILENO, STDOUT_FILENO);
    ::posix_spawn_file_actions_addchdir_np(&settings.files, "/");
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&settings.attributes, &none);
    ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
    ::posix_spawnattr_setpgroup(&settings.attributes, 0);
    ::posix_spawnattr_setflags(&settings.attributes,
                               POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> command = hook.command;
    return ::posix_spawn(&pid, command.front().c_str(), &settings.files, &settings.attributes,
                         pointers(command).data(), pointers(environment).data());
}

/// The governor's protection is not a hook's: should it leak, it goes first, not the database.
void drop_protection(const std::string& proc, pid_t pid) {
    const std::string path = proc + "/" + std::to_string(pid) + "/oom_score_adj";
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    constexpr std::string_view kPlain = "0";
    if (file) static_cast<void>(!::write(file.get(), kPlain.data(), kPlain.size()));
}

/// One program that runs, and the text that it is still to be given.
struct Running {
    pid_t pid = 0;
    UniqueFd ended;  ///< pidfd
    UniqueFd input;
    std::string_view rest;

    /// A program that does not read its input is not waited for.
    void feed() {
        const ssize_t count = ::write(input.get(), rest.data(), rest.size());
        if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
        if (rest.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) input.reset();
    }

    /// True: it has ended.
    bool wait(milliseconds longest) {
        std::array<pollfd, 2> looks{{{ended.get(), POLLIN, 0}, {input ? input.get() : -1, POLLOUT, 0}}};
        if (::poll(looks.data(), looks.size(), static_cast<int>(longest.count())) <= 0) return false;
        if (looks[1].revents != 0) feed();
        return looks[0].revents != 0;
    }
};

Outcome outcome_of(const std::string& program, const siginfo_t& end) {
    if (end.si_code == CLD_EXITED && end.si_status == 0) return {};
    if (end.si_code == CLD_EXITED)
        return failed(program + " ended with exit code " + std::to_string(end.si_status));
    return failed(program + " was ended by signal " + std::to_string(end.si_status));
}

}  // namespace

std::vector<std::string> hook_environment(const journal::Stored& event, const std::string& run) {
    const auto json = nlohmann::json::parse(event.json, nullptr, false);
    std::vector<std::string> out;
    for (const char* own : {"PATH", "HOME", "LANG"})
        if (const char* value = std::getenv(own)) out.push_back(variable(own, value));
    out.push_back(kRunVariable + run);
    out.push_back(variable("GOVERNOR_ID", std::to_string(event.id)));
    out.push_back(variable("GOVERNOR_TYPE", event.type));
    out.push_back(variable("GOVERNOR_SERVICE", event.service));
    out.push_back(variable("GOVERNOR_PROJECT", event.project));
    out.push_back(variable("GOVERNOR_CONTAINER", event.container));
    out.push_back(variable("GOVERNOR_POLICY", member(json, "policy")));
    out.push_back(variable("GOVERNOR_VERDICT", member(json, "verdict")));
    out.push_back(variable("GOVERNOR_OUTCOME", member(json, "outcome")));
    out.push_back(variable("GOVERNOR_DETAIL", member(json, "detail")));
    return out;
}

Outcome ExecTransport::deliver(const Parcel& parcel, const std::atomic<bool>& stop) {
    const std::string& program = hook_.command.front();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return failed("no pipe could be made for " + program + ": " + error_text(errno));
    UniqueFd theirs(ends[0]);
    Running running;
    running.input.reset(ends[1]);
    ::fcntl(running.input.get(), F_SETFL, O_NONBLOCK);
    const std::string run = new_run();
    if (const int code = spawn(hook_, hook_environment(parcel.event, run), theirs.get(), running.pid);
        code != 0)
        return failed(program + " cannot be run: " + error_text(code) +
                      (code == ENOENT ? " (in the governor's own file system: is it mounted there?)" : ""));
    theirs.reset();
    drop_protection(proc_, running.pid);
    running.ended.reset(static_cast<int>(::syscall(SYS_pidfd_open, running.pid, 0)));
    const std::string text = parcel.event.json + "\n";
    running.rest = text;

    const auto until = Clock::now() + hook_.timeout;
    bool ended = false;
    while (!ended && !stop && Clock::now() < until) ended = running.wait(kGlance);
    // Whether it ended or not: what it left behind in its group goes. Before it is waited for, so that the
    // group's number cannot be another's yet.
    ::kill(-running.pid, SIGKILL);
    kill_strays(proc_, run);
    siginfo_t end{};
    const auto reaped = [&] {
        return ::waitid(P_PID, static_cast<id_t>(running.pid), &end, WEXITED | WNOHANG) == 0 &&
               end.si_pid != 0;
    };
    const auto last = Clock::now() + kLastWait;
    running.input.reset();
    while (!reaped() && Clock::now() < last) running.wait(kGlance);
    if (end.si_pid == 0)
        return failed(program + " (pid " + std::to_string(running.pid) +
                      ") was killed and does not end: the kernel holds it");
    if (ended) return outcome_of(program, end);
    if (stop) return failed("the governor ended while " + program + " ran");
    return failed(program + " did not end within " + std::to_string(hook_.timeout.count()) +
                  " ms and was killed");
}

}  // namespace governor::hooks
