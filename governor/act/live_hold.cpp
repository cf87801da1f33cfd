// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the actuator that lets some processes of a container run while the others wait: the hold, and
// the thaw in two steps.
#include "governor/act/guardian_protocol.hpp"
#include "governor/act/live_actuator.hpp"
#include "governor/act/mark.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

namespace governor::act {
namespace {

using namespace std::chrono_literals;

/// Between two looks at something that the kernel has no notification for.
constexpr auto kPoll = 5ms;
/// More processes than this are not moved one by one while the container is frozen.
constexpr std::size_t kMostHeld = 256;
/// A process that is moved back may fork meanwhile, and its child is in the hold then.
constexpr int kReturnRounds = 5;
using Held = std::vector<std::shared_ptr<const cgroups::PidFd>>;

/// Failures on a cgroup that is gone are the container's end, which Docker reports.
void log_unless_gone(const cgroups::Result<void>& result) {
    if (!result && !result.error().gone()) spdlog::warn("{}", result.error().message());
}

/// Out of the thawed hold, and the hold away.
void return_from_hold(const cgroups::Directory& directory) {
    const auto hold = directory.child(kHoldName, false);
    if (!hold) return;
    for (int round = 0; round < kReturnRounds; ++round) {
        const auto pids = hold->pids().value_or(std::vector<int>{});
        if (pids.empty()) break;
        for (const cgroups::PidFd& process : cgroups::open_listed(pids, *hold))
            static_cast<void>(directory.attach(process));
    }
    static_cast<void>(directory.remove_child(kHoldName));
}

}  // namespace

/// Moves everything but `keep` into a frozen child, on the worker's thread: each move waits for the kernel's
/// RCU, 10 ms and more.
void LiveActuator::begin_hold(const RunPtr& run, int keep) {
    const auto pids = run->directory.pids();
    if (!pids || std::find(pids->begin(), pids->end(), keep) == pids->end()) return;
    std::vector<int> others;
    std::copy_if(pids->begin(), pids->end(), std::back_inserter(others),
                 [keep](int pid) { return pid > 0 && pid != keep; });
    if (others.empty() || others.size() > kMostHeld) return;
    run->hold = Run::Hold::kMoving;
    auto job = [run, others]() -> Held {
        Held moved;
        auto hold = run->directory.child(kHoldName, true);
        if (!hold || !hold->freeze()) return moved;
        for (cgroups::PidFd& process : cgroups::open_listed(others, run->directory))
            if (hold->attach(process))
                moved.push_back(std::make_shared<const cgroups::PidFd>(std::move(process)));
        return moved;
    };
    auto done = [this, run](Held moved) {
        if (run->hold != Run::Hold::kMoving) {
            // The worker was so late that PID 1 runs already: whatever was moved and frozen now would wait
            // for nobody.
            return spawn(thaw_surely(run, true));
        }
        run->held = std::move(moved);
        run->hold = Run::Hold::kReady;
    };
    if (!parts_.worker.post(std::move(job), std::move(done))) run->hold = Run::Hold::kNone;
}

/// The container itself, or the hold. One write that fails (no free descriptor, no memory) must not leave it
/// frozen: tried until it works or there is nothing left to thaw.
LiveActuator::Task LiveActuator::thaw_surely(RunPtr run, bool hold) {
    constexpr auto kAgain = 200ms;
    while (!run->ended) {
        cgroups::Result<void> done;
        if (!hold) {
            done = run->directory.thaw();
        } else if (const auto child = run->directory.child(kHoldName, false)) {
            done = child->thaw();
        } else {
            done = tl::make_unexpected(child.error());
        }
        if (done || done.error().gone()) co_return;
        spdlog::error("{}; trying again", done.error().message());
        co_await pause(kAgain);
    }
}

LiveActuator::Task LiveActuator::thaw(RunPtr run, policies::Duration hold, std::uint64_t order) {
    ++run->stop_attempt;
    // PID 1 must not run before the others are out of its way; but not for ever.
    for (int i = 0; i < 400 && run->hold == Run::Hold::kMoving && !run->ended; ++i) co_await pause(kPoll);
    if (run->freeze_order != order) co_return;
    const bool draining = hold.count() > 0;
    if (draining) {
        set_mark(run->directory, {Stage::kSignalled, parts_.clock()});
    } else {
        clear_mark_at(run->directory.fd());
    }
    co_await thaw_surely(run, false);
    if (run->hold != Run::Hold::kNone) co_await release_hold(run, hold);
    parts_.guardian.thawed(run->directory);
}

/// The one process that ends runs on alone. Frozen first, so that nothing grows while the others are moved.
void LiveActuator::hold_others(const Target& target, int keep, const Answer& answer) {
    const RunPtr& run = target.run;
    if (!freeze(target, answer)) return;
    begin_hold(run, keep);
    // Nothing to move, or too much: it runs on as it was.
    if (run->hold == Run::Hold::kNone) return spawn(thaw(run, {}, run->freeze_order));
    spawn(run_alone(run, run->freeze_order));
}

LiveActuator::Task LiveActuator::run_alone(RunPtr run, std::uint64_t order) {
    while (run->hold == Run::Hold::kMoving && !run->ended) co_await pause(kPoll);
    // Released or killed meanwhile, which has thawed it; or frozen anew.
    if (run->ended || run->hold == Run::Hold::kNone || run->freeze_order != order) co_return;
    co_await thaw_surely(run, false);
}

/// Each of the waiting runs again once its own stop signal is pending, or when the patience ends.
LiveActuator::Task LiveActuator::release_hold(RunPtr run, policies::Duration patience) {
    const policies::TimePoint until = parts_.clock() + patience;
    Held waiting = run->held;
    while (!run->ended && !waiting.empty() && parts_.clock() < until) {
        Held signalled;
        for (const auto& process : waiting) {
            const auto status = parts_.processes.signal_status(*process);
            if (!status || status->pending(run->stop_signal)) signalled.push_back(process);
        }
        if (signalled.size() == waiting.size()) break;
        for (const auto& process : signalled) {
            std::erase(waiting, process);
            parts_.worker.post([run, process] { static_cast<void>(run->directory.attach(*process)); });
        }
        co_await pause(kPoll);
    }
    run->hold = Run::Hold::kNone;
    if (run->ended) co_return;
    co_await thaw_surely(run, true);
    run->held.clear();
    // A draining container ends, and its hold with it; one that stays must have all its processes in its own
    // cgroup, where Docker and the next survey look for them.
    if (patience.count() == 0) parts_.worker.post([run] { return_from_hold(run->directory); });
}

void undo_brake(const cgroups::Directory& directory, Then then) {
    if (const auto hold = directory.child(kHoldName, false)) {
        log_unless_gone(hold->thaw());
        return_from_hold(directory);
    }
    log_unless_gone(directory.thaw());
    if (then == Then::kClearMark) clear_mark_at(directory.fd());
}

}  // namespace governor::act
