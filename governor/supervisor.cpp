// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/supervisor.hpp"

#include "governor/act/drain_hook.hpp"
#include "governor/act/live_actuator.hpp"
#include "governor/act/mark.hpp"
#include "governor/watch/verdicts.hpp"
#include "policies/pace.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <set>

namespace governor {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// The host's swap and the limits of slices change slowly, and cost several reads.
constexpr auto kRound = 1s;

void log_failure(std::exception_ptr error) {
    if (!error) return;
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        spdlog::error("a task of the supervisor ended with an unexpected exception: {}", e.what());
    }
}

std::string attribute(const docker::Event& event, std::string_view key) {
    const auto found = event.attributes.find(key);
    return found == event.attributes.end() ? std::string() : found->second;
}

}  // namespace

policies::Sample to_sample(const cgroups::MemorySample& sample) {
    policies::Sample out;
    out.current = {sample.current.value};
    out.unreclaimable = {sample.unreclaimable.value};
    out.hard = {sample.hard.value};
    out.tripwire = {sample.tripwire.value};
    out.high_events = sample.events.high;
    out.oom_kills = sample.events.oom_kill;
    out.some = {sample.some.avg10_permille};
    out.full = {sample.full.avg10_permille};
    out.clean_cache = {sample.clean_cache.value};
    out.unwritten = {sample.unwritten.value};
    out.writeback = {sample.writeback.value};
    out.headroom_above = {sample.headroom_above.value};
    out.bound_level = sample.bound_level;
    return out;
}

Supervisor::Supervisor(Parts parts, Host host, std::shared_ptr<const policies::Policy> policy)
    : parts_(std::move(parts)),
      host_(std::move(host)),
      policy_(std::move(policy)),
      trips_(parts_.loop, [this](void* entry) { on_trip(*static_cast<Entry*>(entry)); }),
      pressure_(parts_.loop, [this](void* entry) { on_pressure(*static_cast<Entry*>(entry)); }),
      timer_(parts_.loop),
      limits_(host_.cgroup_mount),
      swap_(parts_.proc, parts_.sys) {}

Supervisor::~Supervisor() = default;

void Supervisor::spawn(Task task) {
    asio::co_spawn(parts_.loop, std::move(task), log_failure);
}

Supervisor::Entry* Supervisor::find(const std::string& id) {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
}

void Supervisor::tell(const std::string& type, const std::string& detail) {
    publish::Record record;
    record.type = type;
    record.detail = detail;
    parts_.sink.publish(record);
}

// ---- Docker's events
// ------------------------------------------------------------------------------------------------

void Supervisor::on_connected(bool resumed) {
    connected_ = true;
    if (resumed) tell("docker_connected", "Docker answers again; looking what happened meanwhile.");
    spawn(reconcile(true));
}

void Supervisor::on_disconnected(const docker::Error& reason, std::chrono::milliseconds) {
    // On the edge, not at every attempt.
    if (connected_)
        tell("docker_disconnected", reason.message + " The limits on the containers hold meanwhile.");
    connected_ = false;
}

void Supervisor::on_event(const docker::Event& event) {
    if (standing_down_) return;
    if (event.type == "network") return on_network(event);
    if (event.type != "container") return;
    const std::string& id = event.actor_id;
    const std::string_view action = event.action_name();
    if (parts_.verdicts != nullptr) parts_.verdicts->on_docker(event);
    Entry* entry = find(id);
    if (action == "start") {
        if (entry != nullptr) entry->following = false;
        return spawn(attach(id, true));
    }
    if (action == "die") return on_die(event);
    if (entry == nullptr) return;
    if (action == "destroy") {
        parts_.history.erase(id);
        return forget(id);
    }
    if (!entry->controller) return;
    // This governor asked for that restart: it is no stop by another.
    if (entry->following && (action == "kill" || action == "stop")) return;
    if (action == "kill") return on_kill(*entry, event);
    if (action == "stop") return entry->controller->feed(policies::DockerStop{});
    if (action == "health_status" && event.action_detail() == "healthy")
        return entry->controller->feed(policies::Healthy{});
    if (action == "rename") return on_rename(*entry, event);
    if (action == "pause") return entry->controller->feed(policies::Paused{});
    if (action == "unpause") return entry->controller->feed(policies::Unpaused{});
    if (action == "exec_start" && parts_.companion != nullptr)
        return parts_.companion->on_touched(id, Touch::kExec);
    // Somebody changed its limits: ours go back on top of them, or theirs are taken as the new base.
    if (action == "update" && entry->armed) {
        if (parts_.companion != nullptr) parts_.companion->on_touched(id, Touch::kUpdate);
        // systemd has rewritten the tripwire with it; a glance would not show that.
        sample(id, false);
        return spawn(attach(id, false));
    }
}

void Supervisor::on_die(const docker::Event& event) {
    int code = 0;
    const std::string text = attribute(event, "exitCode");
    std::from_chars(text.data(), text.data() + text.size(), code);
    Entry* entry = find(event.actor_id);
    if (entry != nullptr) entry->died = true;
    const bool found = entry != nullptr && entry->controller && entry->controller->target().run &&
                       !entry->controller->target().run->ended;
    if (!found && parts_.verdicts != nullptr && event.actor_id != host_.own_container)
        parts_.verdicts->on_ended_unfound(event, code);
    on_exit(event.actor_id, code);
}

void Supervisor::on_exit(const std::string& id, int exit_code) {
    Entry* entry = find(id);
    if (entry == nullptr) return;
    stop_listening(*entry);
    entry->armed = false;
    if (parts_.companion != nullptr) parts_.companion->on_ended(id);
    if (!entry->controller || !entry->controller->target().run) return;
    const std::shared_ptr<Run> run = entry->controller->target().run;
    if (run->ended) return;
    // systemd may have removed the cgroup already; then the last counters that were seen stand.
    const auto events = run->files.events();
    const policies::State& state = entry->controller->state();
    policies::Exited exited{exit_code, events ? events->oom_kill : state.oom_kills, {}};
    if (parts_.verdicts != nullptr) {
        // A container whose own stop signal is SIGKILL dies of ours, not of another's.
        const bool asked =
            state.phase == policies::Phase::kSignalling || state.phase == policies::Phase::kDraining;
        const bool by_governor = state.killed || (asked && run->stop_signal == policies::kSignalKill);
        exited.death = parts_.verdicts->on_ended(id, exit_code, by_governor);
        exited.oom_kills = std::max(exited.oom_kills, parts_.verdicts->oom_kills(id));
    }
    end(*run);
    note_died_with(*entry);
    entry->controller->feed(exited, entry->following ? "The governor restarts it (restart_with)." : "");
    reschedule(id);
}

void Supervisor::end(Run& run) {
    run.end();
    parts_.actuator.ended(run);
}

void Supervisor::forget(const std::string& id) {
    if (Entry* entry = find(id); entry != nullptr && entry->controller && entry->controller->target().run)
        end(*entry->controller->target().run);
    if (parts_.companion != nullptr) parts_.companion->on_ended(id);
    schedule_.remove(id);
    entries_.erase(id);
}

Supervisor::Task Supervisor::reconcile(bool thorough) {
    const auto list = co_await parts_.docker.list_containers(true, {});
    if (!list) {
        spdlog::warn("{}", list.error().message);
        co_return;
    }
    std::set<std::string, std::less<>> exist;
    for (const docker::ContainerSummary& summary : *list) exist.insert(summary.id);
    std::vector<std::string> gone;
    for (const auto& [id, entry] : entries_)
        if (!exist.contains(id)) gone.push_back(id);
    for (const std::string& id : gone) {
        on_exit(id, -1);
        if (parts_.verdicts != nullptr) parts_.verdicts->on_removed(id);
        forget(id);
    }
    parts_.history.keep_only(exist);
    for (const docker::ContainerSummary& summary : *list) {
        if (summary.state == "running" || summary.state == "paused") {
            const Entry* known = find(summary.id);
            const bool renamed = known != nullptr && known->controller && !summary.name.empty() &&
                                 known->controller->subject()->name != summary.name;
            if (thorough || known == nullptr || !known->armed || known->stale || renamed)
                attach_later(summary.id);
        } else if (const Entry* entry = find(summary.id); entry != nullptr && entry->armed) {
            // Its `die` was missed: the exit code is what inspect says.
            const auto details = co_await parts_.docker.inspect(summary.id);
            if (details && !details->state.running)
                on_exit(summary.id, static_cast<int>(details->state.exit_code));
        }
    }
    listed_ = true;
    settle();
}

// ---- samples
// --------------------------------------------------------------------------------------------------------

const cgroups::Surroundings& Supervisor::surroundings() {
    const policies::TimePoint now = parts_.clock();
    if (surroundings_at_ == policies::TimePoint{} || now - surroundings_at_ > kRound) {
        surroundings_.swap = swap_.read();
        ++surroundings_.round;
        surroundings_at_ = now;
    }
    return surroundings_;
}

/// Far from the limit one number is enough; false when it takes a sample.
bool Supervisor::glance(Entry& entry) {
    Controller& controller = *entry.controller;
    const auto& target = controller.target();
    const auto current = target.run->files.current();
    if (!current || !target.policy) return false;
    const policies::Bytes bytes{current->value};
    if (!policies::glance_will_do(*target.policy, controller.state(), bytes, parts_.clock())) return false;
    controller.feed(policies::Glanced{bytes});
    return true;
}

void Supervisor::sample(const std::string& id, bool may_be_trip) {
    Entry* entry = find(id);
    if (entry == nullptr || !entry->armed) return;
    const std::shared_ptr<Run> run = entry->controller->target().run;
    const auto taken = run->files.sample(surroundings());
    if (!taken) {
        if (!taken.error().gone()) {
            // It is there, and cannot be read now (no file can be opened, no memory): guarded all the same.
            spdlog::warn("{}", taken.error().message());
            entry->look_again_at = parts_.clock() + policies::kIdlePace;
            return;
        }
        // Docker's `die` is on its way, and reconcile() finds what it does not tell.
        stop_listening(*entry);
        entry->stale = true;
        schedule_.remove(id);
        return;
    }
    policies::Sampled input{to_sample(*taken)};
    const policies::State& state = entry->controller->state();
    input.tripped = may_be_trip && (!state.has_sample || input.sample.high_events > state.last.high_events);
    repair_tripwire(*entry, input.sample);
    if (parts_.verdicts != nullptr) parts_.verdicts->on_sampled(id, *taken);
    input.shared = shares_its_limit(*entry, input.sample);
    input.replica_away = replica_away(*entry, input.sample.unreclaimable);
    entry->controller->feed(input);
    if (entry->controller->sample_at() > parts_.clock() + policies::kIdlePace / 2) run->files.cool();
    if (input.shared && state.near_shared_limit) settle_shared_limit(id, input);
    sample_others_below(id);
}

void Supervisor::reschedule(const std::string& id) {
    const Entry* entry = find(id);
    if (entry == nullptr || !entry->controller) return;
    const policies::TimePoint before = schedule_.next();
    policies::TimePoint due = entry->controller->deadline();
    // What is gone is not looked at again, however long Docker takes to tell of it.
    if (!entry->stale) due = std::min(due, entry->listen_at);
    if (entry->armed && !entry->stale)
        due = std::min(due, std::max(entry->controller->sample_at(), entry->look_again_at));
    schedule_.set(entry->controller->subject()->id, due, parts_.clock());
    if (schedule_.next() < before) timer_.cancel();
}

void Supervisor::on_due(const std::string& id) {
    Entry* entry = find(id);
    if (entry == nullptr || !entry->controller) return;
    const policies::TimePoint now = parts_.clock();
    // Listening begins before the look: a change in between wakes again.
    const bool was_quiet = entry->listen_at <= now;
    if (was_quiet) listen_again(*entry);
    if (entry->controller->deadline() <= now && parts_.before_deadline) parts_.before_deadline();
    if (entry->controller->deadline() <= now) entry->controller->feed(policies::Tick{});
    entry = find(id);
    if (entry != nullptr && !entry->stale && (was_quiet || entry->controller->sample_at() <= now)) {
        if (was_quiet || !entry->armed || !glance(*entry)) sample(id, was_quiet);
    }
    reschedule(id);
}

Supervisor::Task Supervisor::run() {
    while (true) {
        const policies::TimePoint next = schedule_.next();
        if (next == policies::TimePoint::max()) {
            timer_.expires_at(asio::steady_timer::time_point::max());
        } else {
            timer_.expires_at(asio::steady_timer::time_point(
                std::chrono::duration_cast<asio::steady_timer::duration>(next.time_since_epoch())));
        }
        // Cancelled: something nearer was put on the schedule, or the daemon ends (then the wait below
        // throws).
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
            co_return;
        for (const cgroups::SharedText& id : schedule_.take_due(parts_.clock())) on_due(id);
    }
}

// ---- policies and the end
// -------------------------------------------------------------------------------------------

void Supervisor::set_policy(std::shared_ptr<const policies::Policy> policy) {
    policy_ = std::move(policy);
    for (const auto& [id, entry] : entries_) attach_later(id);
}

void Supervisor::stand_down() {
    standing_down_ = true;
    for (auto& [id, entry] : entries_) {
        if (!entry.armed || !entry.controller) continue;
        const Target& target = entry.controller->target();
        const policies::State& state = entry.controller->state();
        if (state.phase == policies::Phase::kPaused) continue;
        const bool signalling = state.phase == policies::Phase::kSignalling;
        // A stop that Docker was asked for goes on without us; its signal must not find a frozen container.
        if (signalling && target.run->main)
            static_cast<void>(target.run->main->send(target.run->stop_signal));
        // The next governor finds a drain under way, and does not brake the handler in the middle of its
        // work. From the signal on: should this process end before its work is done, the guardian must not
        // send a second one.
        if (signalling) act::set_mark(target.run->directory, {act::Stage::kSignalled, parts_.clock()});
        // A capped one is near its limit and grows: only its cap keeps it alive until the next governor
        // comes.
        const bool capped =
            state.phase == policies::Phase::kQuarantined || state.phase == policies::Phase::kBackingOff;
        if (!capped && state.tripwire != policies::kUnlimited && state.limit != policies::kUnlimited)
            static_cast<void>(target.run->directory.write_bytes("memory.high", cgroups::kMax));
        if (state.frozen || state.others_held || signalling)
            act::undo_brake(target.run->directory, signalling ? act::Then::kKeepMark : act::Then::kClearMark);
    }
    // Last, because it can block: what is out of its load balancer for a restart must not stay out when no
    // governor follows.
    for (const auto& [id, entry] : entries_)
        if (entry.controller && entry.controller->state().hook_called)
            act::remove_drain_file_now(parts_.proc, entry.controller->target());
}

}  // namespace governor
