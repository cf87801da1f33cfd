// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/drain_hook.hpp"

#include "cgroup/process_root.hpp"
#include "governor/act/container_call.hpp"
#include "governor/act/drain_file.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

namespace governor::act {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

constexpr std::size_t kMostMade = 4096;
constexpr auto kFileTimeout = 1000ms;
constexpr auto kPoll = 5ms;
constexpr const char* kUnseen = "its main process cannot be seen from here (run with `pid: host`)";

const policies::DrainHook* hook_of(const Target& target) {
    if (!target.policy || !target.policy->near_oom || !target.policy->near_oom->drain_hook) return nullptr;
    return &*target.policy->near_oom->drain_hook;
}

std::string file_of(const Target& target) {
    const auto* hook = hook_of(target);
    const auto* file = hook == nullptr ? nullptr : std::get_if<policies::FileCall>(&hook->call);
    return file == nullptr ? std::string() : file->path;
}

/// What an administrator can do about it; empty when the error says it all.
std::string advice(const cgroups::Error& error) {
    if (error.code == std::errc::permission_denied || error.code == std::errc::operation_not_permitted)
        return " (governor needs CAP_SYS_PTRACE to open the container's root folder, and CAP_DAC_OVERRIDE to "
               "write there)";
    if (error.code == std::errc::read_only_file_system)
        return " (its file system is read-only: use a tmpfs, as /dev/shm)";
    if (error.code == std::errc::no_such_file_or_directory)
        return " (the folder must exist in the container)";
    if (error.code == std::errc::value_too_large)
        return " (with userns-remap, a tmpfs takes no file from the host: use a path outside of it)";
    if (error.code == std::errc::function_not_supported) return " (openat2 needs Linux 5.6 or newer)";
    return {};
}

std::string describe(const cgroups::Error& error) {
    return error.message() + advice(error);
}

/// Empty when the file is there.
std::string create(const std::string& proc, const Run& run, const std::string& path) {
    const auto root = cgroups::open_process_root(proc, *run.main);
    if (!root) return describe(root.error());
    const auto made = create_drain_file(*root, path);
    return made ? std::string() : describe(made.error());
}

/// Empty when no file of ours is there any more, or the container ended.
std::string remove(const std::string& proc, const Run& run, const std::string& path) {
    const auto root = cgroups::open_process_root(proc, *run.main);
    if (!root) return root.error().gone() ? std::string() : describe(root.error());
    const auto removed = remove_drain_file(*root, path);
    return removed || removed.error().gone() ? std::string() : describe(removed.error());
}

std::string about_left(const std::string& path, const std::string& problem) {
    return "The drain hook's file " + path + " may still be in the container: " + problem +
           ". Remove it there, or the container stays out of its load balancer.";
}

}  // namespace

DrainHooks::DrainHooks(asio::any_io_executor loop, docker::Client& docker, std::string proc)
    : loop_(std::move(loop)), docker_(docker), proc_(std::move(proc)) {}

async::Worker& DrainHooks::lane() {
    if (!lane_) lane_ = std::make_unique<async::Worker>(loop_);
    return *lane_;
}

asio::awaitable<void> DrainHooks::call(Target target, Answer answer) {
    const auto* found = hook_of(target);
    // A reload took it away after the decision.
    if (found == nullptr) co_return answer(policies::DrainHookDone{false}, "The policy has no drain hook.");
    const policies::DrainHook hook = *found;
    std::string problem;
    if (const auto* file = std::get_if<policies::FileCall>(&hook.call)) {
        problem = co_await call_file(target, file->path);
    } else if (const auto* http = std::get_if<policies::HttpCall>(&hook.call)) {
        problem = co_await call_http(target, http->url, hook.timeout);
    } else {
        const auto until = asio::steady_timer::clock_type::now() + hook.timeout;
        const bool thawed = co_await wait_for_thaw(target.run, hook.timeout);
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - asio::steady_timer::clock_type::now());
        auto command = std::get<policies::ExecCall>(hook.call).command;
        if (!thawed || left <= 0ms) {
            problem = "memory left it no time, and a frozen container runs no command";
        } else {
            problem = co_await call_exec(docker_, target, std::move(command), left);
        }
    }
    const bool good = problem.empty();
    answer(policies::DrainHookDone{good}, good ? std::string() : "The drain hook failed: " + problem + ".");
}

/// Docker must not be asked to run a command in a frozen container: runc refuses or waits, and the stop
/// would have to wait behind it.
asio::awaitable<bool> DrainHooks::wait_for_thaw(std::shared_ptr<Run> run, std::chrono::milliseconds limit) {
    asio::steady_timer timer(loop_);
    const auto until = asio::steady_timer::clock_type::now() + limit;
    while (!run->ended) {
        const auto frozen = run->directory.read_bytes("cgroup.freeze");
        if (!frozen || frozen->value == 0) co_return true;
        if (asio::steady_timer::clock_type::now() >= until) co_return false;
        timer.expires_after(kPoll);
        co_await timer.async_wait(asio::use_awaitable);
    }
    co_return false;
}

asio::awaitable<std::string> DrainHooks::call_file(Target target, std::string path) {
    const std::shared_ptr<Run> run = target.run;
    if (!run->main) co_return kUnseen;
    if (made_.size() >= kMostMade) made_.clear();
    made_[target.subject->id] = path;
    struct Outcome {
        explicit Outcome(const asio::any_io_executor& loop) : timer(loop, kFileTimeout) {}
        asio::steady_timer timer;
        std::optional<std::string> problem;
    };
    const auto outcome = std::make_shared<Outcome>(loop_);
    auto job = [run, path, proc = proc_] { return create(proc, *run, path); };
    auto done = [outcome](std::string problem) {
        outcome->problem = std::move(problem);
        outcome->timer.cancel();
    };
    if (!lane().post(std::move(job), std::move(done))) co_return "too many files wait to be written";
    boost::system::error_code ignored;
    co_await outcome->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (!outcome->problem) co_return "the file system of " + path + " does not answer";
    co_return *outcome->problem;
}

void DrainHooks::end(const Target& target, const Answer& answer) {
    const std::shared_ptr<Run> run = target.run;
    std::string path = file_of(target);
    std::string earlier;
    if (const auto made = made_.find(target.subject->id); made != made_.end()) {
        earlier = std::move(made->second);
        made_.erase(made);
    }
    if (!run->main) return;
    for (const std::string& each : {earlier, earlier == path ? std::string() : path}) {
        if (each.empty()) continue;
        auto job = [run, each, proc = proc_] { return remove(proc, *run, each); };
        auto done = [answer, each](const std::string& problem) {
            if (!problem.empty()) answer(policies::DrainHookDone{false}, about_left(each, problem));
        };
        if (!lane().post(std::move(job), std::move(done)))
            spdlog::error("{}", about_left(each, "too many files wait to be written"));
    }
}

void remove_drain_file_now(const std::string& proc, const Target& target) {
    const std::string path = file_of(target);
    if (path.empty() || !target.run || !target.run->main) return;
    if (const std::string problem = remove(proc, *target.run, path); !problem.empty())
        spdlog::error("{}: {}", target.subject->name, about_left(path, problem));
}

}  // namespace governor::act
