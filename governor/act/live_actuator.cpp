// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/live_actuator.hpp"

#include "governor/act/guardian_protocol.hpp"
#include "governor/act/mark.hpp"
#include "governor/act/warn.hpp"
#include "policies/stop_handling.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <utility>

namespace governor::act {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// Between two looks at something that the kernel does not tell of.
constexpr auto kPoll = 5ms;
/// Docker's own work around a restart, beyond the grace.
constexpr auto kRestartSlack = 120s;
/// The longest that a restart's answer is waited for, with an infinite grace too: the call holds a connection
/// of Docker's, and one that was forgotten in a hanging Docker must end. Long, because some Docker versions
/// give up the wait and kill when their client leaves (moby 23.0). When it does end, the container is still
/// draining, and only who starts it afterwards has changed: the governor, should Docker not do so.
constexpr auto kLongestRestart = 7 * 24h;

std::chrono::milliseconds restart_deadline(const policies::Grace& grace) {
    const policies::Duration most = kLongestRestart;
    const policies::Duration wanted = grace.is_infinite() ? most : grace.bounded() + kRestartSlack;
    return std::chrono::ceil<std::chrono::milliseconds>(std::min(wanted, most));
}

void log_failure(std::exception_ptr error) {
    if (!error) return;
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        spdlog::error("an action ended with an unexpected exception: {}", e.what());
    }
}

/// Failures on a cgroup that is gone are the container's end, which Docker tells.
void log_unless_gone(const cgroups::Result<void>& result) {
    if (!result && !result.error().gone()) spdlog::warn("{}", result.error().message());
}

}  // namespace

LiveActuator::LiveActuator(Parts parts)
    : parts_(std::move(parts)),
      recycler_(parts_.loop, parts_.worker, parts_.processes, parts_.clock),
      drain_hooks_(parts_.loop, parts_.docker, parts_.proc) {
    parts_.guardian.on_busy([this] {
        if (!std::exchange(renewing_, true)) spawn(renew_lease());
    });
}

void LiveActuator::perform(const Deed& deed, Answer answer) {
    const Target& target = deed.target();
    const policies::Restraint& what = deed.what();
    if (std::holds_alternative<policies::Freeze>(what)) return static_cast<void>(freeze(target, answer));
    if (const auto* ask = std::get_if<policies::AskStop>(&what)) return ask_stop(target, *ask, answer);
    if (std::holds_alternative<policies::SignalStop>(what)) return signal_stop(target, answer);
    if (std::holds_alternative<policies::KillWhole>(what)) return kill(target, answer);
    if (std::holds_alternative<policies::StartContainer>(what)) return spawn(start_container(target));
    if (const auto* one = std::get_if<policies::RecycleProcess>(&what))
        return recycler_.recycle(target, *one, answer);
    if (const auto* one = std::get_if<policies::KillProcess>(&what)) return recycler_.kill(target, *one);
    if (const auto* one = std::get_if<policies::HoldOthers>(&what))
        return hold_others(target, one->pid, answer);
}

void LiveActuator::relieve(const Target& target, const policies::Relief& relief, Answer answer) {
    if (!target.run) return;
    if (const auto* set = std::get_if<policies::SetTripwire>(&relief))
        return set_tripwire(target, set->value);
    if (const auto* free = std::get_if<policies::Thaw>(&relief))
        return spawn(thaw(target.run, free->hold, target.run->freeze_order));
    if (std::holds_alternative<policies::CallWarn>(relief))
        return spawn(call_warn(target, std::move(answer)));
    if (std::holds_alternative<policies::SurveyProcesses>(relief)) return recycler_.survey(target, answer);
    if (const auto* loan = std::get_if<policies::GrantLoan>(&relief); loan != nullptr && lender_ != nullptr)
        return lender_->lend(target, loan->hard, std::move(answer));
    if (const auto* loan = std::get_if<policies::RepayLoan>(&relief); loan != nullptr && lender_ != nullptr)
        return lender_->take_back(target, loan->hard, std::move(answer));
    if (std::holds_alternative<policies::CallDrainHook>(relief))
        return spawn(drain_hooks_.call(target, std::move(answer)));
    if (std::holds_alternative<policies::EndDrainHook>(relief)) return drain_hooks_.end(target, answer);
}

void LiveActuator::ended(const Run& run) {
    parts_.guardian.thawed(run.directory);
}

/// As long as anything is frozen. On the loop, so that the lease runs out when the loop does not turn.
LiveActuator::Task LiveActuator::renew_lease() {
    while (parts_.guardian.busy()) {
        co_await pause(kRenewEvery);
        parts_.guardian.renew();
    }
    renewing_ = false;
}

void LiveActuator::spawn(Task task) {
    asio::co_spawn(parts_.loop, std::move(task), log_failure);
}

LiveActuator::Task LiveActuator::pause(policies::Duration duration) {
    asio::steady_timer timer(parts_.loop,
                             std::chrono::duration_cast<std::chrono::steady_clock::duration>(duration));
    co_await timer.async_wait(asio::use_awaitable);
}

// ---- brake
// ----------------------------------------------------------------------------------------------------------

/// False: it is not frozen, and the answer says why unless the cgroup is gone.
bool LiveActuator::freeze(const Target& target, const Answer& answer) {
    const RunPtr& run = target.run;
    const auto failed = [&](const std::string& why) {
        asio::post(parts_.loop, [answer, why] { answer(policies::BrakeFailed{}, why); });
        return false;
    };
    // Without the guardian, which thaws when this process dies, nothing may be frozen.
    if (!parts_.guardian.will_freeze(run->directory))
        return failed("The guardian process could not be started, so nothing is frozen.");
    ++run->freeze_order;
    set_mark(run->directory, {Stage::kFrozen, parts_.clock()});
    const auto written = run->directory.freeze();
    if (!written) {
        parts_.guardian.thawed(run->directory);
        clear_mark_at(run->directory.fd());
        return written.error().gone() ? false : failed(written.error().message());
    }
    parts_.guardian.was_frozen(run->directory);
    spawn(report_frozen(run, answer));
    return true;
}

LiveActuator::Task LiveActuator::report_frozen(RunPtr run, Answer answer) {
    // A task that sleeps off its memory.high penalty stands still already, but shows as frozen only when the
    // nap ends (2 s at most); nobody waits for this report, so it may take a moment.
    for (int i = 0; i < 20 && !run->ended; ++i) {
        const auto events = run->directory.events();
        if (!events || events->frozen) break;
        co_await pause(kPoll);
    }
    answer(policies::Frozen{stop_handling(*run)}, {});
}

policies::StopHandling LiveActuator::stop_handling(const Run& run) const {
    if (!run.main) return policies::StopHandling::kUnknown;
    const auto status = parts_.processes.signal_status(*run.main);
    if (!status) return policies::StopHandling::kUnknown;
    return policies::judge_stop(
        run.stop_signal,
        {status->may_handle(run.stop_signal), cgroups::SignalStatus::has(status->ignored, run.stop_signal),
         status->namespace_init});
}

// ---- stop
// -----------------------------------------------------------------------------------------------------------

void LiveActuator::ask_stop(const Target& target, const policies::AskStop& ask, const Answer& answer) {
    const RunPtr& run = target.run;
    parts_.guardian.will_stop(run->directory, run->main ? &*run->main : nullptr, run->stop_signal);
    if (run->main) begin_hold(run, run->main->number());
    ++run->stop_attempt;
    spawn(ask_docker(target, ask, answer));
    spawn(watch_pending(run, run->stop_attempt, answer));
}

LiveActuator::Task LiveActuator::ask_docker(Target target, policies::AskStop ask, Answer answer) {
    // Asked first whether it answers at all: a restart that a hanging Docker reads minutes later would stop
    // the container that has come back meanwhile.
    const auto patience =
        target.policy && target.policy->near_oom ? target.policy->near_oom->brake.docker_timeout : 2s;
    const auto there = co_await parts_.docker.ping(patience / 2);
    if (!there) {
        // While this process was stopped its deadline ran out, and the guardian may have done the rest.
        parts_.guardian.hear();
        answer(policies::StopRefused{}, there.error().message);
        co_return;
    }
    std::optional<std::chrono::seconds> grace;
    if (ask.own_grace || target.run->state_grace) grace = ask.grace.for_docker();
    const auto limit = restart_deadline(ask.grace);
    const auto done = co_await parts_.docker.restart(target.subject->id, grace, limit);
    if (done || done.error().kind == docker::Error::Kind::kNotFound) co_return;
    // Removed while it was being restarted: Docker calls that an error of its own, for us it is a normal end.
    if (target.run->ended) {
        const auto now = co_await parts_.docker.inspect(target.subject->id);
        const bool going = now ? now->state.status == "removing" || now->state.status == "dead"
                               : now.error().kind == docker::Error::Kind::kNotFound;
        if (going) co_return;
    }
    spdlog::warn("{}", done.error().message);
    parts_.guardian.hear();
    answer(policies::StopRefused{}, done.error().message);
}

/// Docker's `kill` event tells when the signal was sent; the pending mask of the frozen PID 1 often tells
/// sooner, and also when Docker's event stream is behind.
LiveActuator::Task LiveActuator::watch_pending(RunPtr run, std::uint64_t attempt, Answer answer) {
    constexpr auto kLongest = 60s;
    const policies::TimePoint give_up = parts_.clock() + kLongest;
    while (run->main && !run->ended && run->stop_attempt == attempt && parts_.clock() < give_up) {
        const auto status = parts_.processes.signal_status(*run->main);
        if (!status) co_return;
        if (status->pending(run->stop_signal)) {
            answer(policies::SignalPending{policies::Via::kDocker}, {});
            co_return;
        }
        co_await pause(kPoll);
    }
}

void LiveActuator::signal_stop(const Target& target, const Answer& answer) {
    const RunPtr& run = target.run;
    ++run->stop_attempt;
    std::string problem;
    // Signalled by the guardian while this process was stopped: a second SIGTERM means "quit at once" to many
    // handlers.
    if (!parts_.guardian.has_signalled(run->directory)) {
        if (!run->main) {
            problem = "its main process cannot be seen from here (run with `pid: host`)";
        } else if (const auto sent = run->main->send(run->stop_signal); !sent) {
            problem = sent.error().message();
        }
    }
    asio::post(parts_.loop, [answer, problem] {
        if (problem.empty()) {
            answer(policies::SignalPending{policies::Via::kDirect}, {});
        } else {
            answer(policies::SignalFailed{}, problem);
        }
    });
}

void LiveActuator::set_tripwire(const Target& target, policies::Bytes value) {
    const RunPtr& run = target.run;
    const cgroups::Bytes bytes = value == policies::kUnlimited ? cgroups::kMax : cgroups::Bytes{value.value};
    const std::uint64_t order = ++run->tripwire_order;
    const auto usage = run->directory.read_bytes("memory.current");
    if (usage && usage->value < bytes.value)
        return log_unless_gone(run->directory.write_bytes("memory.high", bytes));
    // Below the usage the write reclaims before it returns.
    const bool posted = parts_.worker.post([run, bytes, order] {
        if (run->tripwire_order.load() == order)
            log_unless_gone(run->directory.write_bytes("memory.high", bytes));
    });
    if (!posted)
        spdlog::error("the worker's queue is full: memory.high of {} was not set", run->directory.path());
}

void LiveActuator::kill(const Target& target, const Answer& answer) {
    const RunPtr& run = target.run;
    ++run->stop_attempt;
    auto killed = run->directory.kill();
    // The frozen die as well; the thaw is for a kernel without cgroup.kill, where each process gets its own
    // signal.
    if (!killed && !killed.error().gone()) {
        const auto pids = run->directory.pids().value_or(std::vector<int>{});
        for (const cgroups::PidFd& process : cgroups::open_listed(pids, run->directory))
            log_unless_gone(process.send(SIGKILL));
        spdlog::warn("{}; killed its processes one by one", killed.error().message());
    }
    run->hold = Run::Hold::kNone;
    log_unless_gone(run->directory.thaw());
    parts_.guardian.thawed(run->directory);
    static_cast<void>(answer);
}

LiveActuator::Task LiveActuator::start_container(Target target) {
    if (const auto there = co_await parts_.docker.ping(2s); !there) co_return;
    const auto started = co_await parts_.docker.start(target.subject->id);
    if (!started) spdlog::warn("{}", started.error().message);
}

LiveActuator::Task LiveActuator::call_warn(Target target, Answer answer) {
    if (!target.policy || !target.policy->near_oom || !target.policy->near_oom->warn) co_return;
    std::string problem = co_await warn(parts_.docker, target, *target.policy->near_oom->warn);
    const bool good = problem.empty();
    answer(policies::WarnDone{good}, good ? std::string() : "The warn call failed: " + problem);
}

}  // namespace governor::act
