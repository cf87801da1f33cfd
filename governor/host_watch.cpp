// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/host_watch.hpp"

#include "cgroup/psi_trigger.hpp"
#include "policies/pace.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace governor {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

bool guards(const policies::Policy& policy) {
    return policy.host.keep_free || policy.host.pressure;
}

}  // namespace

std::string_view to_string(policies::Culprit culprit) {
    switch (culprit) {
        case policies::Culprit::kUnknown:
            return "unknown";
        case policies::Culprit::kGoverned:
            return "governed services";
        case policies::Culprit::kUngoverned:
            return "other containers";
        case policies::Culprit::kOutsideDocker:
            return "processes outside Docker";
    }
    return "unknown";
}

HostWatch::HostWatch(Parts parts, std::shared_ptr<const policies::Policy> policy)
    : parts_(std::move(parts)), timer_(parts_.loop) {
    set_policy(std::move(policy));
}

void HostWatch::set_policy(std::shared_ptr<const policies::Policy> policy) {
    const bool same = policy_ && policy_->host == policy->host;
    policy_ = std::move(policy);
    if (same) return;
    arm_trigger();
    next_ = guards(*policy_) ? parts_.clock() : policies::TimePoint::max();
    wait();
}

void HostWatch::start() {
    started_ = true;
    wait();
}

/// Replaces the wait that is under way.
void HostWatch::wait() {
    if (!started_) return;
    if (next_ == policies::TimePoint::max()) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(asio::steady_timer::time_point(
        std::chrono::duration_cast<asio::steady_timer::duration>(next_.time_since_epoch())));
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code code) {
        if (!code && !alive.expired()) look(false);
    });
}

// ---- the root's PSI trigger
// --------------------------------------------------------------------------------------------

void HostWatch::arm_trigger() {
    trigger_.reset();
    if (!policy_->host.pressure) return;
    const policies::HostPressure& pressure = *policy_->host.pressure;
    cgroups::PsiTrigger wanted;
    wanted.full = pressure.full;
    wanted.window = pressure.over;
    wanted.stall = wanted.window * pressure.share.value / 1000;
    const auto root = cgroups::Directory::open(parts_.mount);
    auto fd = root ? cgroups::arm_psi_trigger(*root, wanted) : tl::make_unexpected(root.error());
    if (!fd) {
        spdlog::warn(
            "{}: `host.pressure` is not watched; `host.keep_free` is (boot with psi=1; a window that is no "
            "multiple of 2s needs the capability SYS_RESOURCE)",
            fd.error().message());
        return;
    }
    trigger_ = std::make_unique<asio::posix::stream_descriptor>(parts_.loop, fd->release());
    wait_for_trigger();
}

void HostWatch::wait_for_trigger() {
    auto* const waited = trigger_.get();
    waited->async_wait(asio::posix::stream_descriptor::wait_error,
                       [this, waited, alive = std::weak_ptr(alive_)](boost::system::error_code code) {
                           if (code || alive.expired() || trigger_.get() != waited) return;
                           look(true);
                           wait_for_trigger();
                       });
}

// ---- one look
// ----------------------------------------------------------------------------------------------------------

void HostWatch::look(bool pressure_fired) {
    policies::HostInput input;
    input.now = parts_.clock();
    input.pressure_fired = pressure_fired;
    if (!take_sample(input.sample)) {
        next_ = input.now + 5s;
        return wait();
    }
    // Nobody is asked to give way while there is plenty; who could is then no question worth its work.
    std::vector<Candidate> offered;
    if (near_ || pressure_fired || state_.victim) offered = candidates();
    std::vector<policies::HostCandidate> core;
    core.reserve(offered.size());
    for (const Candidate& candidate : offered) core.push_back(candidate.core);
    input.candidates = core;
    input.victim_done = victim_done();
    const policies::HostDecision decision = policies::guard_host(policy_->host, state_, input);
    state_ = decision.state;
    next_ = decision.sample_at;
    wait();
    tell(decision);
    act_on(decision, offered);
}

bool HostWatch::take_sample(policies::HostSample& out) {
    const auto memory = parts_.processes.host_memory();
    if (!memory) {
        spdlog::warn("{}: the host is not guarded", memory.error().message());
        return false;
    }
    // Reserved huge pages and zram's own use are no memory that a service could have.
    const policies::Bytes usable = parts_.supervisor.host().memory;
    out.total = usable == policies::Bytes{} ? policies::Bytes{memory->total.value} : usable;
    out.available = {memory->available.value};
    // As long as there is plenty, what the containers' own samples said is good enough.
    const policies::Bytes free = policy_->host.keep_free ? policy_->host.keep_free->of(out.total)
                                                         : policies::Bytes{out.total.value / 10};
    near_ = out.available.value < 2 * free.value;
    for (const auto& [id, entry] : parts_.supervisor.entries()) {
        if (!entry.controller || !entry.armed) continue;
        const Target& target = entry.controller->target();
        policies::Bytes used = entry.controller->state().last.unreclaimable;
        if (near_ && target.run && !target.run->ended)
            if (const auto sample = target.run->files.sample(parts_.supervisor.surroundings()))
                used = {sample->unreclaimable.value};
        if (near_ && target.run && entry.controller->sample_at() > parts_.clock() + policies::kIdlePace / 2)
            target.run->files.cool();
        const bool acts = target.policy && target.policy->near_oom && target.policy->priority;
        (acts ? out.governed : out.ungoverned).value += used.value;
    }
    return true;
}

/// Only what a Deed can be made for is offered at all.
std::vector<HostWatch::Candidate> HostWatch::candidates() const {
    std::vector<Candidate> out;
    for (const auto& [id, entry] : parts_.supervisor.entries()) {
        if (!entry.controller || !entry.armed) continue;
        const Target& target = entry.controller->target();
        if (!target.policy || !target.policy->priority || !Deed::permit(target, policies::AskStop{}))
            continue;
        const policies::State& state = entry.controller->state();
        policies::HostCandidate core;
        core.index = out.size();
        core.priority = *target.policy->priority;
        core.unreclaimable = state.last.unreclaimable;
        core.ready = policies::can_give_way(*target.policy, state, parts_.clock());
        out.push_back({entry.controller, core});
    }
    return out;
}

bool HostWatch::victim_done() const {
    if (!state_.victim) return false;
    const auto controller = victim_.lock();
    if (!controller) return true;
    // Another life that is watched again: it is back.
    const policies::Phase phase = controller->state().phase;
    return controller->target().run != victim_run_ && phase != policies::Phase::kUnarmed;
}

void HostWatch::act_on(const policies::HostDecision& decision, const std::vector<Candidate>& offered) {
    if (!decision.give_way || *decision.give_way >= offered.size()) return;
    const std::shared_ptr<Controller> controller = offered[*decision.give_way].controller;
    victim_ = controller;
    victim_run_ = controller->target().run;
    controller->feed(policies::GiveWay{decision.reason},
                     "Cause: " + std::string(to_string(decision.culprit)) + ".");
}

void HostWatch::tell(const policies::HostDecision& decision) {
    if (!decision.tell_short && !decision.tell_ease) return;
    publish::Record record;
    policies::Event event;
    event.type = decision.tell_short ? policies::EventType::kHostShort : policies::EventType::kHostAtEase;
    event.at = parts_.clock();
    event.reason = decision.reason;
    record.type = policies::to_string(event.type);
    if (decision.tell_short) event.cause = to_string(decision.culprit);
    record.event = event;
    if (decision.nobody_left)
        record.detail =
            "No service may give way: give the `priority` key to those that can be restarted, or add "
            "memory.";
    if (!decision.tell_short || decision.culprit != policies::Culprit::kOutsideDocker) {
        if (decision.tell_short && decision.culprit == policies::Culprit::kUngoverned)
            record.detail =
                "Containers without a policy that could act took it; no service is restarted for that.";
        parts_.sink.publish(record);
        return;
    }
    record.detail = "Processes outside Docker took it; no service is restarted for that.";
    std::vector<std::string> ids;
    for (const auto& [id, entry] : parts_.supervisor.entries()) ids.push_back(id);
    auto job = [ids, proc = parts_.proc] { return largest_outside(proc, ids); };
    auto done = [this, record, alive = std::weak_ptr(alive_)](const std::string& largest) mutable {
        if (alive.expired()) return;
        if (!largest.empty()) record.detail += " The largest of them: " + largest + ".";
        parts_.sink.publish(record);
    };
    if (!parts_.worker.post(std::move(job), std::move(done))) parts_.sink.publish(record);
}

}  // namespace governor
