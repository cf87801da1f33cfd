// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/kept_brakes.hpp"

#include "cgroup/directory.hpp"
#include "cgroup/process.hpp"
#include "governor/act/mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace governor::act {
namespace {

void write_at(int directory, const char* name, const char* text) {
    // O_TRUNC: as Directory::write().
    const cgroups::UniqueFd fd(::openat(directory, name, O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (fd) static_cast<void>(!::write(fd.get(), text, std::strlen(text)));
}

/// The stop signal, unless it is pending already (Docker may have delivered it: a frozen task still shows it)
/// or, for a process that is not PID 1, would only end it without its handler.
void signal_once(const cgroups::Processes& processes, const cgroups::PidFd& process, int signal,
                 bool is_main) {
    const auto status = processes.signal_status(process);
    if (!status || status->pending(signal) || (!is_main && !status->may_handle(signal))) return;
    static_cast<void>(process.send(signal));
}

}  // namespace

bool KeptBrakes::take(const GuardianMessage& message, cgroups::UniqueFd passed) {
    silent_ = {};
    const auto found = brakes_.find(message.key);
    switch (message.op) {
        case GuardianMessage::kFrozen:
            if (!passed) return false;
            brakes_[message.key].directory = std::move(passed);
            return true;
        case GuardianMessage::kStopping:
            if (message.pid != 0 && !passed) return false;
            // Released already: the governor reads of it in a moment.
            if (found == brakes_.end()) return true;
            found->second.signal = message.signal;
            if (passed) found->second.process = cgroups::PidFd::received(std::move(passed), message.pid);
            return true;
        case GuardianMessage::kThawed:
            if (found != brakes_.end()) brakes_.erase(found);
            return true;
        default:
            return true;
    }
}

std::vector<GuardianAnswer> KeptBrakes::pass(std::chrono::nanoseconds elapsed, policies::TimePoint now) {
    std::vector<GuardianAnswer> out;
    silent_ += std::min<std::chrono::nanoseconds>(elapsed, 2 * kLeaseStep);
    if (brakes_.empty() || silent_ < lease_) return out;
    for (const auto& [key, brake] : brakes_)
        out.push_back(
            {GuardianAnswer::kReleased, release(brake, now), key, 0, now.time_since_epoch().count()});
    // Not looked at again: what is frozen from now on was frozen by another (`docker pause`), or by the
    // governor, which says so first.
    brakes_.clear();
    return out;
}

void KeptBrakes::release_all(policies::TimePoint now) {
    for (const auto& [key, brake] : brakes_) release(brake, now);
    brakes_.clear();
}

/// True: its stop signal is pending or was delivered.
bool KeptBrakes::release(const Brake& brake, policies::TimePoint now) const {
    const int fd = brake.directory.get();
    const cgroups::UniqueFd hold(::openat(fd, kHoldName, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (brake.signal == 0) {
        // Only frozen: as if nothing had been. The tripwire stays and will stop it again for the next
        // governor.
        if (hold) write_at(hold.get(), "cgroup.freeze", "0");
        write_at(fd, "cgroup.freeze", "0");
        clear_mark_at(fd);
        return false;
    }
    // A stop was asked for, and goes on without the governor. The held get their signal from here instead of
    // from PID 1: waiting for that would take time that this process does not have, because containerd kills
    // what is left of a container whose main process ended.
    const cgroups::Processes processes(proc_root_);
    // The mark says that the signal was delivered and PID 1 runs already: only the hold is still to be
    // thawed. A second SIGTERM means "quit at once" to many handlers.
    const auto mark = read_mark_at(fd);
    const bool delivered = mark && mark->stage == Stage::kSignalled;
    if (!delivered && brake.process) signal_once(processes, *brake.process, brake.signal, true);
    if (hold)
        for (const cgroups::PidFd& held : cgroups::open_listed(cgroups::pids_at(hold.get()), hold.get()))
            signal_once(processes, held, brake.signal, false);
    // For the next governor: a drain is under way. Without this it would brake the handler in the middle of
    // its work.
    if (!delivered) set_mark_at(fd, {Stage::kSignalled, now});
    write_at(fd, "memory.high", "max");
    write_at(fd, "cgroup.freeze", "0");
    if (hold) write_at(hold.get(), "cgroup.freeze", "0");
    return delivered || brake.process;
}

}  // namespace governor::act
