// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/verdicts.hpp"

#include "cgroup/directory.hpp"
#include "governor/subject.hpp"
#include "policies/signal_name.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

namespace governor::watch {
namespace {

namespace asio = boost::asio;
using policies::TimePoint;

constexpr std::size_t kLooks = 8;
/// Docker's ring is replayed at the start only. Later a start is new, even when the wall clock was set back.
constexpr auto kReplayed = std::chrono::seconds(30);
constexpr const char* kCursorFile = "/kernel-log";

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

Verdicts::Verdicts(Parts parts)
    : parts_(std::move(parts)),
      book_(false),
      dying_(parts_.loop, [this](void* known) { see_dying(*static_cast<Known*>(known)); }),
      timer_(parts_.loop) {
    auto log = cgroups::KernelLog::open(parts_.kernel_log);
    if (!log) {
        spdlog::warn(
            "{}: OOM kills are counted and judged by the cgroups' counters and Docker's events, without the "
            "process (give the container the device /dev/kmsg, and the capability SYSLOG)",
            log.error().message());
        return;
    }
    log_.emplace(std::move(*log), parse_cursor(slurp(parts_.state_dir + kCursorFile), parts_.boot_id));
    book_ = KillBook(true);
}

Verdicts::~Verdicts() = default;

// ---- the kernel's log
// ------------------------------------------------------------------------------------------------

asio::awaitable<void> Verdicts::run() {
    using namespace asio::experimental::awaitable_operators;
    co_await (tell_when_due() && follow_log());
}

asio::awaitable<void> Verdicts::tell_when_due() {
    while (true) {
        timer_.expires_at(
            wake_at_ == TimePoint::max()
                ? asio::steady_timer::time_point::max()
                : asio::steady_timer::time_point(
                      std::chrono::duration_cast<asio::steady_timer::duration>(wake_at_.time_since_epoch())));
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) co_return;
        if (parts_.clock() < wake_at_) continue;
        wake_at_ = TimePoint::max();
        tell_ready();
    }
}

asio::awaitable<void> Verdicts::follow_log() {
    if (!log_) co_return;
    asio::posix::stream_descriptor ready(parts_.loop);
    boost::system::error_code code;
    ready.assign(::dup(log_->fd()), code);
    while (!code) {
        hear_log();
        tell_ready();
        if (!log_->failure().empty()) {
            spdlog::error("{}: no process is named in OOM verdicts from now on", log_->failure());
            co_return;
        }
        if (log_->more()) {
            co_await asio::post(parts_.loop, asio::use_awaitable);
        } else {
            co_await ready.async_wait(asio::posix::stream_descriptor::wait_read,
                                      asio::redirect_error(asio::use_awaitable, code));
        }
    }
    if (code != asio::error::operation_aborted)
        spdlog::error("cannot wait for the kernel's log: {}", code.message());
}

void Verdicts::hear_log() {
    if (!log_) return;
    while (const auto heard = log_->next()) hear(*heard);
    if (const std::uint64_t lost = log_->lost(); lost != lost_told_) {
        lost_told_ = lost;
        publish::Record record;
        record.type = "kernel_log_lost";
        record.detail =
            "The kernel overwrote lines of its log before they were read (" + std::to_string(lost) +
            " times since the start): OOM kills are counted all the same, but a process may not be "
            "named. Boot with a larger log_buf_len if it repeats.";
        parts_.sink.publish(record);
    }
    if (log_->caught_up() && kept_cursor_ == 0) keep_cursor();
}

void Verdicts::hear(const OomLog::Heard& heard) {
    const TimePoint now = parts_.clock();
    if (heard.missed) {
        JudgedKill told = judged_alone(heard.report, now);
        return told.id.empty() ? tell_of_host(heard.report, true) : tell(std::move(told), true);
    }
    std::string holder;
    if (heard.report.task_memcg.empty())
        if (const auto path = parts_.processes.cgroup_path(heard.report.pid))
            holder = container_cgroup_of(*path).id;
    const std::string id = book_.reported(heard.report, holder, now);
    if (id.empty()) return heard.report.task_memcg.empty() ? void() : tell_of_host(heard.report, false);
    // The counters, while the cgroup is still there: systemd removes it within milliseconds.
    if (const auto known = known_.find(id); known != known_.end()) look(id, known->second);
}

/// A process outside Docker; of interest when the host itself ran out of memory.
void Verdicts::tell_of_host(const cgroups::OomReport& report, bool missed) {
    log_->was_told(report.sequence);
    if (scope_of(report) != policies::KillFacts::Log::kHost) return;
    JudgedKill kill = judged_alone(report, parts_.clock());
    publish::Record record = record_of(kill);
    record.detail = "The host ran out of memory, and the kernel killed a process outside Docker, in " +
                    report.task_memcg + (missed ? ", while the governor was not running." : ".");
    parts_.sink.publish(record);
}

void Verdicts::keep_cursor() {
    const std::uint64_t cursor = log_->cursor();
    if (cursor == kept_cursor_) return;
    kept_cursor_ = cursor;
    auto job = [path = parts_.state_dir + kCursorFile, text = cursor_text(parts_.boot_id, cursor)] {
        const std::string next = path + ".new";
        std::ofstream out(next, std::ios::binary | std::ios::trunc);
        out << text;
        // What cannot be kept is told twice or not at all after a restart of the governor; the history's
        // warning names the folder.
        if (out.flush()) std::rename(next.c_str(), path.c_str());
    };
    parts_.worker.post(std::function<void()>(std::move(job)));
}

// ---- Docker and the counters
// ------------------------------------------------------------------------------------------

void Verdicts::on_docker(const docker::Event& event) {
    // Whatever the kernel said, it said before Docker could tell.
    const std::string& id = event.actor_id;
    const std::string_view action = event.action_name();
    const bool start = action == "start";
    if (!start && action != "oom" && action != "kill" && action != "die" && action != "destroy") return;
    hear_log();
    const TimePoint now = parts_.clock();
    if (start && (event.time_nano >= parts_.started_ns || now - made_at_ > kReplayed)) {
        book_.began(id);
        Known& known = known_[id];
        if (known.subject->id.empty()) known.subject = subject_of(event);
    }
    if (action == "oom") {
        // The counters have it already, and they know more than Docker does.
        if (const auto found = known_.find(id); found != known_.end()) look(id, found->second);
        book_.docker_oom(id, now);
    }
    if (action == "kill") {
        const auto found = event.attributes.find("signal");
        if (found != event.attributes.end() && policies::parse_signal(found->second) == policies::kSignalKill)
            book_.docker_kill(id);
    }
    if (action == "destroy") on_removed(id);
    tell_ready();
}

void Verdicts::on_removed(const std::string& id) {
    book_.removed(id);
    // Its name is kept for the kills that are still to be told.
    removed_.insert(id);
}

void Verdicts::on_found(const docker::ContainerDetails& details, const publish::SharedSubject& subject,
                        const std::shared_ptr<Run>& run) {
    hear_log();
    Known& known = known_[subject->id];
    known.subject = subject;
    if (known.run == run) return;
    const bool missed_end = known.run != nullptr;
    if (missed_end) book_.ended(subject->id, -1, parts_.clock());
    // It watches the process of the run before.
    known.dying.reset();
    known.death.reset();
    known.run = run;
    known.looks.clear();
    const auto events = run->files.events();
    if (!events) return;
    known.oom_kill = events->oom_kill;
    known.counters = read_counters(known, *events);
    book_.found(subject->id, static_cast<int>(details.state.pid), known.counters, parts_.clock());
    watch_death(known);
    // Looks through all that are known: not for each of a thousand that are found at a start.
    if (missed_end || events->oom_kill > 0 || book_.has_orphans()) tell_ready();
}

void Verdicts::on_sampled(const std::string& id, const cgroups::MemorySample& sample) {
    const auto found = known_.find(id);
    if (found == known_.end() || !found->second.run) return;
    Known& known = found->second;
    const TimePoint now = parts_.clock();
    known.hard = {sample.hard.value};
    if (known.looks.size() == kLooks) known.looks.erase(known.looks.begin());
    known.looks.push_back({now, {sample.current.value}, {sample.unreclaimable.value}});
    if (sample.events.oom_kill == known.oom_kill) {
        // Without the log, Docker's word is compared with the time of the last look.
        if (!log_) book_.counted(id, known.counters, now);
        return;
    }
    hear_log();
    if (sample.events.oom_kill <= known.oom_kill) return tell_ready();  // seen when the log told of it
    known.oom_kill = sample.events.oom_kill;
    known.counters = read_counters(known, sample.events);
    book_.counted(id, known.counters, now);
    tell_ready();
}

/// Reads its counters, if they are still there.
void Verdicts::look(const std::string& id, Known& known) {
    if (!known.run) return;
    const TimePoint now = parts_.clock();
    if (const auto events = known.run->files.events()) {
        known.oom_kill = events->oom_kill;
        known.counters = read_counters(known, *events);
        book_.counted(id, known.counters, now);
    } else if (const auto above = ancestors_of(known.run->directory.path())) {
        book_.ancestors_counted(id, *above);
    }
}

OomCounters Verdicts::read_counters(Known& known, const cgroups::MemoryEvents& events) {
    OomCounters out;
    out.oom_kill = events.oom_kill;
    out.oom = events.oom;
    // Before kernel 5.2 there is no such file: then what happened below it counts as its own.
    const auto local = known.run->files.local_events();
    out.local_oom = local ? local->oom : events.oom;
    out.ancestors = ancestors_of(known.run->directory.path());
    return out;
}

/// Their files are held: they outlive the containers in them, or answer that they are gone.
std::optional<std::uint64_t> Verdicts::ancestors_of(const std::string& path) {
    std::uint64_t sum = 0;
    for (auto slash = path.rfind('/'); slash != std::string::npos && slash > parts_.cgroup_mount.size();
         slash = path.rfind('/', slash - 1)) {
        const std::string parent = path.substr(0, slash);
        cgroups::UniqueFd& fd = ancestors_[parent];
        const std::string file = parent + "/memory.events.local";
        if (!fd) fd.reset(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
        std::array<char, 512> buffer;
        const auto text = cgroups::read_held(fd.get(), buffer, parent);
        const auto events = text ? cgroups::parse_memory_events(*text) : std::nullopt;
        if (!events) {
            ancestors_.erase(parent);
            return std::nullopt;
        }
        sum += events->oom;
    }
    return sum;
}

// ---- the end of a container
// -------------------------------------------------------------------------------------------

void Verdicts::watch_death(Known& known) {
    if (!known.run->main) return;
    auto death = cgroups::DeathWatch::open(*known.run->main, parts_.proc);
    if (!death) return;
    auto dying = dying_.add(death->fd(), async::Readiness::For::kInput, &known);
    if (!dying) return;
    known.death = std::move(*death);
    known.dying = std::move(*dying);
}

/// Its parent takes the zombie away at once: nothing may come before this look.
void Verdicts::see_dying(Known& known) {
    if (!known.death) return;
    const cgroups::Ending ending = known.death->look();
    known.death.reset();
    book_.seen_dying(known.subject->id, ending.sigkill, parts_.clock());
}

policies::Death Verdicts::on_ended(const std::string& id, int exit_code, bool by_governor) {
    hear_log();
    const auto found = known_.find(id);
    if (found != known_.end() && found->second.run) {
        see_dying(found->second);
        look(id, found->second);
        found->second.dying.reset();
        found->second.run.reset();
    }
    policies::DeathFacts facts = book_.ended(id, exit_code, parts_.clock());
    facts.by_governor = by_governor;
    tell_ready();
    return policies::judge(facts);
}

void Verdicts::on_ended_unfound(const docker::Event& die, int exit_code) {
    if (!book_.is_open(die.actor_id)) return;  // its end was told, before Docker did
    const policies::Death death = on_ended(die.actor_id, exit_code, false);
    // A one-off (`docker compose run`) is a person's.
    if (docker::compose_of(die.attributes).oneoff) return;
    publish::Record record;
    record.subject = subject_of(die);
    policies::Event event;
    event.type = policies::EventType::kExited;
    event.at = parts_.clock();
    event.exit_code = exit_code;
    event.verdict = death.verdict;
    event.evidence = death.evidence;
    event.victim = death.victim;
    event.docker_agrees = death.docker_agrees;
    record.type = policies::to_string(event.type);
    record.event = event;
    record.detail = "It ended before the governor had found its cgroup.";
    parts_.sink.publish(record);
}

}  // namespace governor::watch
