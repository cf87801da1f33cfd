// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/recycler.hpp"

#include "governor/act/survey.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <utility>

namespace governor::act {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// Between two looks at something that the kernel has no notification for.
constexpr auto kPoll = 5ms;
/// The freeze takes 0.1 ms; a task in a memory.high penalty is shown as frozen only afterwards, and runs no
/// more than a frozen one.
constexpr auto kFreezeWait = 20ms;
/// The container is frozen meanwhile, and waits for this answer.
constexpr auto kSurveyPatience = 2s;
/// A new child matters to the core for `recycle.respawn`, 10 min at most.
constexpr auto kRespawnWatch = 10min;
constexpr auto kRespawnPoll = 100ms;

void log_failure(std::exception_ptr error) {
    if (!error) return;
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        spdlog::error("the watch over a recycled process ended with an unexpected exception: {}", e.what());
    }
}

}  // namespace

Recycler::Recycler(asio::any_io_executor loop, async::Worker& worker, cgroups::Processes processes,
                   Clock clock)
    : loop_(std::move(loop)), worker_(worker), processes_(std::move(processes)), clock_(std::move(clock)) {}

void Recycler::spawn(Task task) {
    asio::co_spawn(loop_, std::move(task), log_failure);
}

Recycler::Task Recycler::pause(policies::Duration duration) {
    asio::steady_timer timer(loop_,
                             std::chrono::duration_cast<std::chrono::steady_clock::duration>(duration));
    co_await timer.async_wait(asio::use_awaitable);
}

void Recycler::survey(const Target& target, const Answer& answer) {
    spawn(survey_in_time(target, answer));
}

Recycler::Task Recycler::survey_in_time(Target target, Answer answer) {
    const RunPtr run = target.run;
    const policies::TimePoint began = clock_();
    for (auto waited = 0ms; waited < kFreezeWait && !run->ended; waited += kPoll) {
        const auto events = run->directory.events();
        const auto wanted = run->directory.read_bytes("cgroup.freeze");
        if (!events || events->frozen || !wanted || wanted->value == 0) break;
        co_await pause(kPoll);
    }
    auto findings = std::make_shared<std::optional<SurveyFindings>>();
    const policies::Recycle recycle =
        target.policy && target.policy->near_oom ? target.policy->near_oom->recycle : policies::Recycle{};
    SurveyOrder order{run, run->look, recycle, processes_, clock_};
    const bool posted = worker_.post([order = std::move(order)] { return survey_processes(order); },
                                     [findings](SurveyFindings found) { *findings = std::move(found); });
    while (posted && !*findings && !run->ended && clock_() - began < kSurveyPatience) co_await pause(1ms);
    if (!*findings) {
        answer(policies::Surveyed{}, "The container's processes were not read in time.");
        co_return;
    }
    run->look = std::move((*findings)->look);
    run->candidate = (*findings)->candidate;
    run->candidate_parent = (*findings)->candidate_parent;
    answer(policies::Surveyed{(*findings)->survey}, {});
}

void Recycler::recycle(const Target& target, const policies::RecycleProcess& what, const Answer& answer) {
    const RunPtr& run = target.run;
    ++run->recycle_attempt;
    std::string problem;
    if (!run->candidate || run->candidate->number() != what.pid) {
        problem = "Process " + std::to_string(what.pid) + " is not the one that was surveyed.";
    } else if (const auto sent = run->candidate->send(what.signal); !sent && !sent.error().gone()) {
        problem = sent.error().message();
    }
    if (!problem.empty())
        return asio::post(loop_, [answer, problem] { answer(policies::RecycleRefused{}, problem); });
    spawn(watch_end(run, run->recycle_attempt, answer));
}

Recycler::Task Recycler::watch_end(RunPtr run, std::uint64_t attempt, Answer answer) {
    const auto current = [&] { return !run->ended && run->recycle_attempt == attempt; };
    const std::shared_ptr<const cgroups::PidFd> process = run->candidate;
    while (current() && !process->has_ended()) co_await pause(kPoll);
    if (!current()) co_return;
    answer(policies::ProcessEnded{}, {});
    const policies::TimePoint until = clock_() + kRespawnWatch;
    while (current() && clock_() < until) {
        if (has_new_child(*run)) {
            answer(policies::ProcessRespawned{}, {});
            co_return;
        }
        co_await pause(kRespawnPoll);
    }
}

/// A process that was not there at the survey, with the parent of the one that was recycled.
bool Recycler::has_new_child(const Run& run) const {
    const auto pids = run.directory.pids();
    if (!pids) return false;
    for (const int pid : *pids) {
        if (pid <= 0) continue;
        const auto is = processes_.parent_and_start(pid);
        if (is && is->first == run.candidate_parent && run.look.held.count({pid, is->second}) == 0)
            return true;
    }
    return false;
}

void Recycler::kill(const Target& target, const policies::KillProcess& what) {
    const std::shared_ptr<const cgroups::PidFd> process = target.run->candidate;
    if (!process || process->number() != what.pid) return;
    if (const auto sent = process->send(SIGKILL); !sent) {
        if (!sent.error().gone()) spdlog::warn("{}", sent.error().message());
        return;
    }
    // Its memory is wanted now; its own end may wait for a disk, or for the CPU.
    worker_.post([process] { static_cast<void>(process->release_memory()); });
}

}  // namespace governor::act
