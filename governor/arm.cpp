// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the supervisor that takes a container under its care: find its cgroup, choose its policy, put
// the limits on it.
#include "governor/act/live_actuator.hpp"
#include "governor/act/mark.hpp"
#include "governor/subject.hpp"
#include "governor/supervisor.hpp"
#include "governor/watch/locate.hpp"
#include "governor/watch/verdicts.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace governor {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// Docker's own default for a container without stop_grace_period.
constexpr std::chrono::seconds kDockerGrace{10};

constexpr int kAttachAtOnce = 8;

/// A tripwire slows the allocator: only where something then acts may there be one.
bool wants_tripwire(const policies::ServicePolicy& policy) {
    return policy.near_oom && policy.near_oom->action != policies::NearOomAction::kNotify;
}

policies::Grace grace_of(const policies::ServicePolicy& policy, const Supervisor::Found& found) {
    if (policy.near_oom && policy.near_oom->drain.grace) return *policy.near_oom->drain.grace;
    return policies::Grace::of_docker(found.stop_timeout.value_or(kDockerGrace));
}

bool is_out_of_files(const cgroups::Error& error) {
    return error.code == std::errc::too_many_files_open ||
           error.code == std::errc::too_many_files_open_in_system;
}

policies::Candidate candidate_of(const publish::Subject& subject) {
    const docker::Labels labels = subject.labels->unpack();
    const docker::Compose compose = docker::compose_of(labels);
    policies::Candidate candidate{compose.project, compose.service, subject.name, {}};
    for (const auto& [key, value] : labels) candidate.labels.emplace_back(key, value);
    return candidate;
}

Supervisor::Found found_in(const docker::ContainerDetails& details) {
    return {details.host_config.memory,
            details.host_config.memory_swap,
            details.state.paused,
            details.stop_timeout,
            docker::joined_namespaces(details.host_config),
            !details.state.health.empty() && details.state.health != "none"};
}

}  // namespace

std::int64_t memory_and_swap(const policies::Memory& memory, policies::Bytes hard,
                             const Supervisor::Found& now) {
    const auto limit = static_cast<std::int64_t>(hard.value);
    if (memory.swap) return limit + static_cast<std::int64_t>(memory.swap->of(hard).value);
    if (now.memory_swap <= 0 || now.memory <= 0 || now.memory_swap < now.memory) return -1;
    return limit + (now.memory_swap - now.memory);
}

void Supervisor::add_note(Entry& entry, const std::string& note) {
    if (std::find(entry.notes.begin(), entry.notes.end(), note) != entry.notes.end()) return;
    entry.notes.push_back(note);
    spdlog::warn("{}: {}", entry.controller->subject()->name, note);
}

/// One at a time for each container: two would race for its limits.
Supervisor::Task Supervisor::attach(std::string id, bool started) {
    if (id == host_.own_container) co_return;
    Entry& entry = entries_[id];
    if (entry.attaching) {
        entry.attach_again = true;
        co_return;
    }
    entry.attaching = true;
    co_await attach_once(id, started);
    Entry* still = find(id);
    if (still == nullptr) co_return settle();
    still->attaching = false;
    if (std::exchange(still->attach_again, false)) co_return co_await attach(id, false);
    if (!still->controller) forget(id);
    settle();
}

/// For many at once, as at a start: Docker answers a few calls at a time, and a thousand that wait for their
/// turn would run into their deadlines, each with its buffers.
void Supervisor::attach_later(const std::string& id) {
    to_attach_.insert(id);
    if (*attaching_ >= kAttachAtOnce) return;
    ++*attaching_;
    spawn(attach_queued());
}

Supervisor::Task Supervisor::attach_queued() {
    const std::shared_ptr<void> leave(nullptr, [attaching = attaching_](void*) { --*attaching; });
    while (!to_attach_.empty()) {
        const std::string id = *to_attach_.begin();
        to_attach_.erase(to_attach_.begin());
        co_await attach(id, false);
    }
    settle();
}

/// An event may have begun to attach what the list names as well: neither of the two is left out.
void Supervisor::settle() {
    if (!listed_ || !settled_ || !to_attach_.empty()) return;
    if (std::any_of(entries_.begin(), entries_.end(), [](const auto& each) { return each.second.attaching; }))
        return;
    std::exchange(settled_, nullptr)();
}

Supervisor::Task Supervisor::attach_once(std::string id, bool started) {
    entries_[id].died = false;
    auto details = co_await parts_.docker.inspect(id);
    Entry* entry = find(id);
    // What Docker says of a life that ended meanwhile must not be taken for the next one's.
    if (entry == nullptr || entry->died) co_return;
    if (!details) {
        if (details.error().kind != docker::Error::Kind::kNotFound)
            spdlog::warn("{}", details.error().message);
        co_return;
    }
    // A one-off (`docker compose run`) is a person's or a deploy's, not the service.
    if (!details->state.running || details->compose().oneoff) co_return;

    std::string problem;
    auto run = make_run(*details, problem);
    if (!run) {
        if (!problem.empty()) spdlog::warn("{}: {}", details->name, problem);
        co_return;
    }
    entry->found = found_in(*details);
    if (!entry->controller) {
        publish::Subject subject = subject_of(*details);
        subject.id = entries_.find(id)->first;
        entry->controller =
            std::make_shared<Controller>(parts_.clock, parts_.actuator, parts_.sink, std::move(subject));
        if (const auto known = parts_.history.find(id)) entry->controller->remember(*known);
        entry->controller->on_rescheduled([this, id = entries_.find(id)->first] {
            reschedule(id);
            if (const Entry* changed = find(id)) {
                const History history = history_of(changed->controller->state());
                if (history != History{} || parts_.history.find(id)) parts_.history.put(id, history);
            }
        });
    }
    const auto& old = entry->controller->target().run;
    const bool same_run = old && !old->ended && old->directory.identity() == run->directory.identity();
    if (same_run) run = old;
    const bool renamed = entry->controller->describe(subject_of(*details));
    if (renamed) entry->notes.clear();
    Target target{run, entry->controller->subject(), std::move(details->networks), nullptr};
    if (!choose_policy(*entry, target)) co_return;
    const bool same_policy =
        entry->controller->target().policy && *entry->controller->target().policy == *target.policy;
    if (same_run && same_policy && entry->armed && !started && !renamed) {
        const auto limit = run->directory.read_bytes("memory.max");
        const policies::State& state = entry->controller->state();
        // While a loan is asked for, its limit is about to be another one than the state says.
        if (limit && (limit->value == state.hard.value || state.phase == policies::Phase::kBorrowing)) {
            // Its addresses may be others: a network was connected or disconnected.
            entry->controller->retarget(std::move(target));
            co_return;
        }
    }
    if (old && !same_run && !old->ended) {
        // Its exit was missed.
        end(*old);
        const policies::State& state = entry->controller->state();
        entry->controller->feed(policies::Exited{-1, state.oom_kills});
    }
    entry->controller->retarget(std::move(target));
    if (!same_run) {
        entry->armed = false;
        stop_listening(*entry);
        entry->notes.clear();
        entry->died_with.clear();
        entry->controller->feed(policies::Started{});
    }
    if (parts_.verdicts != nullptr) parts_.verdicts->on_found(*details, entry->controller->subject(), run);
    co_await arm(id, run);
}

bool Supervisor::choose_policy(Entry& entry, Target& target) {
    static const auto kObserve = std::make_shared<const policies::ServicePolicy>();
    const policies::Selection selection =
        policies::select(*policy_, candidate_of(*entry.controller->subject()));
    entry.switched_off = selection.switched_off;
    if (!selection.unknown_label_policy.empty())
        add_note(entry, "its label governor.policy names \"" + selection.unknown_label_policy +
                            "\", which no policy file has; it is only watched");
    if (!selection.also_matching.empty()) {
        std::string names;
        for (const std::string& name : selection.also_matching) names += (names.empty() ? "" : ", ") + name;
        add_note(entry, "more than one policy matches (" + names +
                            "): none is applied; narrow their `match` or set the label governor.policy");
    }
    if (selection.policy != nullptr) {
        // Shares the whole policy's life: a reload must not pull it away from under a running action.
        target.policy = std::shared_ptr<const policies::ServicePolicy>(policy_, selection.policy);
    } else {
        target.policy = kObserve;
    }
    return true;
}

/// Once for all that fail within a while, not for each of a thousand.
void Supervisor::tell_out_of_files() {
    constexpr auto kAgain = 10min;
    const policies::TimePoint now = parts_.clock();
    if (out_of_files_at_ != policies::TimePoint{} && now < out_of_files_at_ + kAgain) return;
    out_of_files_at_ = now;
    const auto armed =
        std::count_if(entries_.begin(), entries_.end(), [](const auto& each) { return each.second.armed; });
    spdlog::error(
        "no more files can be opened: {} containers are governed, the others are not. Raise the limit of "
        "open files "
        "(LimitNOFILE= of the systemd unit, `ulimits: nofile` in the Compose file) to 10 for each container",
        armed);
}

std::shared_ptr<Run> Supervisor::make_run(const docker::ContainerDetails& details, std::string& problem) {
    auto directory = watch::locate(host_.cgroup_mount, parts_.processes, host_.cgroup_driver, details);
    if (!directory) {
        if (is_out_of_files(directory.error())) {
            tell_out_of_files();
        } else if (!directory.error().gone() || details.state.running) {
            problem = directory.error().message();
        }
        return nullptr;
    }
    auto files = cgroups::MemoryFiles::open(*directory, limits_.above(directory->path()));
    if (!files) {
        if (is_out_of_files(files.error())) {
            tell_out_of_files();
        } else if (!files.error().gone()) {
            problem = files.error().message();
        }
        return nullptr;
    }
    auto run = std::make_shared<Run>(std::move(*directory), std::move(*files));
    // In another pid namespace the number means another process: it is not in the cgroup then.
    auto main = cgroups::PidFd::open(static_cast<int>(details.state.pid), run->directory, parts_.processes);
    if (main) run->main.emplace(std::move(*main));
    run->stop_signal = policies::stop_signal_of(details.stop_signal);
    run->state_grace = details.stop_timeout && policies::overflows_in_docker(*details.stop_timeout);
    return run;
}

asio::awaitable<bool> Supervisor::set_hard_limit(std::string id, std::shared_ptr<Run> run,
                                                 policies::Bytes hard) {
    const Entry* entry = find(id);
    const auto policy = entry->controller->target().policy;
    const std::int64_t both = memory_and_swap(policy->memory, hard, entry->found);
    const auto limit = static_cast<std::int64_t>(hard.value);
    if (entry->found.memory == limit && entry->found.memory_swap == both) co_return true;
    // Lowered below what it uses, the kernel would kill at once: never make it worse. The tripwire brings it
    // down gracefully, and the container that comes back gets the limit.
    const auto now = run->files.sample(surroundings());
    if (now && policies::Bytes{now->unreclaimable.value} >= policy->memory.tripwire.of(hard)) {
        if (Entry* still = find(id))
            add_note(*still,
                     "it uses more than the policy's hard limit allows already; the limit is set when it has "
                     "been restarted");
        co_return false;
    }
    const auto done = co_await parts_.docker.update_memory(id, limit, both);
    if (!done) {
        if (Entry* still = find(id)) add_note(*still, done.error().message);
        co_return false;
    }
    if (Entry* still = find(id)) {
        still->found.memory = limit;
        still->found.memory_swap = both;
    }
    co_return true;
}

asio::awaitable<void> Supervisor::offload(std::function<cgroups::Result<void>()> job) {
    auto finished = std::make_shared<asio::steady_timer>(parts_.loop, asio::steady_timer::time_point::max());
    auto done = [finished](const cgroups::Result<void>& result) {
        if (!result && !result.error().gone()) spdlog::error("{}", result.error().message());
        finished->cancel();
    };
    if (!parts_.worker.post(std::move(job), std::move(done))) {
        spdlog::error("the worker's queue is full: a container was not fully armed");
        co_return;
    }
    boost::system::error_code ignored;
    co_await finished->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> Supervisor::set_tripwire(std::shared_ptr<Run> run, policies::Bytes tripwire) {
    const cgroups::Bytes bytes =
        tripwire == policies::kUnlimited ? cgroups::kMax : cgroups::Bytes{tripwire.value};
    const std::uint64_t order = ++run->tripwire_order;
    std::function<cgroups::Result<void>()> job = [run, bytes, order]() -> cgroups::Result<void> {
        if (run->tripwire_order.load() != order) return {};
        return run->directory.write_bytes("memory.high", bytes);
    };
    co_await offload(std::move(job));
}

Supervisor::Task Supervisor::arm(std::string id, std::shared_ptr<Run> run) {
    Entry* entry = find(id);
    const auto policy = entry->controller->target().policy;
    // Before any limit is touched: what a dead governor left is put right first.
    const auto mark = act::read_mark(run->directory);
    if (mark && !entry->armed && !entry->found.paused) {
        // Moving processes back waits for the kernel's RCU, for each of them.
        std::function<cgroups::Result<void>()> undo = [run, mark = *mark]() -> cgroups::Result<void> {
            // A drain goes on, and may outlive this governor too.
            const bool draining = mark.stage == act::Stage::kSignalled;
            act::undo_brake(run->directory, draining ? act::Then::kKeepMark : act::Then::kClearMark);
            return {};
        };
        co_await offload(std::move(undo));
        entry = find(id);
        if (entry == nullptr || run->ended) co_return;
    }

    const std::optional<policies::Bytes> lent = lent_limit(*entry);
    std::optional<policies::Bytes> wanted = lent;
    if (!wanted && policy->memory.hard) wanted = policy->memory.hard->of(host_.memory);
    if (wanted) co_await set_hard_limit(id, run, *wanted);
    if (run->ended) co_return;
    const auto limit = run->directory.read_bytes("memory.max");
    if (!limit) co_return;
    policies::Armed armed;
    armed.hard = {limit->value};
    if (wanted) armed.hard = std::min(armed.hard, *wanted);
    armed.grace = grace_of(*policy, find(id)->found);
    armed.stop_signal = run->stop_signal;
    if (wants_tripwire(*policy) && armed.hard != policies::kUnlimited)
        armed.tripwire =
            lent ? find(id)->controller->state().own_tripwire : policy->memory.tripwire.of(armed.hard);
    const bool draining = mark && mark->stage == act::Stage::kSignalled;
    const auto before = run->directory.read_bytes("memory.high");
    // A tripwire that follows a limit above stays as it is: the next sample moves it.
    const bool follows = find(id)->armed && find(id)->controller->state().bound_level != 0;
    const bool differs = !follows && (!before || before->value != armed.tripwire.value);
    if (!draining && differs && (armed.tripwire != policies::kUnlimited || find(id)->armed))
        co_await set_tripwire(run, armed.tripwire);

    entry = find(id);
    if (entry == nullptr || run->ended || entry->controller->target().run != run) co_return;
    const auto events = run->files.events();
    armed.oom_kills = events ? events->oom_kill : 0;
    const bool first = !entry->armed;
    entry->armed = true;
    entry->stale = false;
    const policies::State& state = entry->controller->state();
    // A restart that followed another one is followed by none: two that name each other end there.
    const bool followed = state.restarting && state.trip.rule != policies::Rule::kRestartWith;
    if (state.restarting) entry->controller->note_restart(joiners_of(*entry));
    entry->controller->feed(armed);
    if (followed) restart_dependants(*entry);
    if (first && entry->found.paused) entry->controller->feed(policies::Paused{});
    if (first && mark) entry->controller->feed(policies::Adopt{draining, parts_.clock() - mark->since});
    if (first) listen_for_trips(*entry, *run);
    listen_for_pressure(*entry, *run);
    care_for(*entry, run);
    reschedule(id);
}

/// The rest of what the policy sets: reservations, the swap limit, oom_score_adj.
void Supervisor::care_for(const Entry& entry, const std::shared_ptr<Run>& run) {
    if (parts_.companion == nullptr || run->ended) return;
    const auto& reserve = entry.controller->target().policy->reserve;
    const auto min = reserve && reserve->min ? reserve->min->of(host_.memory) : policies::Bytes{};
    run->files.set_protected({min.value});
    Care care{entry.controller->target(), std::nullopt};
    const Found& limits = entry.found;
    if (limits.memory > 0 && limits.memory_swap >= limits.memory)
        care.swap = policies::Bytes{static_cast<std::uint64_t>(limits.memory_swap - limits.memory)};
    parts_.companion->on_armed(care);
}

}  // namespace governor
