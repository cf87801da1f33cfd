// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the supervisor that waits for the kernel's word on a container (memory.events, pressure
// triggers) and for the guardian's.
#include "cgroup/psi_trigger.hpp"
#include "governor/act/guardian.hpp"
#include "governor/act/guardian_protocol.hpp"
#include "governor/supervisor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace governor {
namespace {

using namespace std::chrono_literals;

/// What could not be read (no file can be opened) is not read: the kernel would tell of it again at once, for
/// ever.
constexpr policies::Duration kUnreadable = 100ms;

}  // namespace

void Supervisor::listen_for_trips(Entry& entry, const Run& run) {
    auto trips = trips_.add(run.files.events_fd(), async::Readiness::For::kException, &entry);
    if (trips) {
        entry.trips = std::move(*trips);
    } else {
        add_note(entry, "cannot wait for its memory.events (" + trips.error().code.message() +
                            "): it is sampled only");
    }
    entry.listen_at = policies::TimePoint::max();
}

void Supervisor::listen_again(Entry& entry) {
    entry.listen_at = policies::TimePoint::max();
    entry.trips.wait_again();
}

void Supervisor::stop_listening(Entry& entry) {
    entry.trips.reset();
    entry.pressure.clear();
    entry.listen_at = policies::TimePoint::max();
}

void Supervisor::on_trip(Entry& tripped) {
    const cgroups::SharedText id = tripped.controller->subject()->id;
    sample(id, true);
    Entry* entry = find(id);
    if (entry == nullptr || !entry->trips) return;
    const policies::TimePoint now = parts_.clock();
    policies::Duration quiet = entry->controller->quiet();
    if (entry->look_again_at > now) quiet = std::max(quiet, kUnreadable);
    if (quiet.count() == 0) {
        listen_again(*entry);
    } else {
        entry->listen_at = now + quiet;
    }
    reschedule(id);
}

/// So that a condition on `pressure` is looked at when tasks stall, not at the next sample.
void Supervisor::listen_for_pressure(Entry& entry, const Run& run) {
    entry.pressure.clear();
    const auto& near = entry.controller->target().policy->near_oom;
    if (!near) return;
    std::vector<policies::Term> terms = near->when.terms;
    if (near->warn) terms.insert(terms.end(), near->warn->when.terms.begin(), near->warn->when.terms.end());
    for (const policies::Term& term : terms) {
        const bool full = term.measure == policies::Measure::kPressureFull;
        if (!full && term.measure != policies::Measure::kPressureSome) continue;
        cgroups::PsiTrigger trigger;
        trigger.full = full;
        trigger.stall = trigger.window * term.pressure.value / 1000;
        const auto fd = cgroups::arm_psi_trigger(run.directory, trigger);
        auto waits = fd ? pressure_.add(fd->get(), async::Readiness::For::kException, &entry)
                        : tl::make_unexpected(fd.error());
        if (waits) {
            entry.pressure.push_back(std::move(*waits));
        } else if (!waits.error().gone()) {
            spdlog::debug("{}", waits.error().message());  // sampled at its pace all the same
        }
    }
}

void Supervisor::on_pressure(Entry& stalled) {
    const cgroups::SharedText id = stalled.controller->subject()->id;
    sample(id, false);
    reschedule(id);
    // Which of its triggers it was does not matter: to wait for one twice is to wait for it once.
    if (const Entry* entry = find(id))
        for (const auto& trigger : entry->pressure) trigger.wait_again();
}

// ---- the guardian
// ---------------------------------------------------------------------------------------------------------

void Supervisor::on_brake_lost(const act::BrakeRelease& release) {
    for (auto& [id, entry] : entries_) {
        if (!entry.controller) continue;
        const auto& run = entry.controller->target().run;
        if (!run || run->ended || run->directory.identity().inode != release.cgroup) continue;
        return entry.controller->feed(policies::BrakeLost{
            release.signalled, std::max(parts_.clock() - release.at, policies::Duration{0}), act::kLease});
    }
}

}  // namespace governor
