// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/kill_book.hpp"

#include "governor/docker/identity.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace governor::watch {
namespace {

using policies::TimePoint;
using Log = policies::KillFacts::Log;

constexpr int kSigkillExit = 137;
/// What is told of a life that ended may still come for so long.
constexpr policies::Duration kKeepEnded = std::chrono::seconds(30);
/// A verdict waits so long for the word whether PID 1 died.
constexpr policies::Duration kMainWithin = std::chrono::seconds(20);

bool is_below(std::string_view path, std::string_view above) {
    if (above == "/") return true;
    return path.starts_with(above) && (path.size() == above.size() || path[above.size()] == '/');
}

policies::KillFacts facts_of(const Kill& kill) {
    policies::KillFacts out;
    out.log = kill.report ? scope_of(*kill.report) : Log::kSilent;
    out.counted = kill.counted;
    out.counters_read = kill.counters_read;
    out.local_oom = kill.local_oom;
    out.subtree_oom = kill.subtree_oom;
    out.ancestors_read = kill.ancestors_read;
    out.ancestor_oom = kill.ancestor_oom;
    out.docker_oom = kill.docker_oom;
    return out;
}

policies::Victim named(const cgroups::OomReport& report) {
    policies::Victim out;
    out.pid = report.pid;
    out.set_name(report.comm);
    out.rss = policies::Bytes{report.rss.value};
    out.oom_score_adj = report.oom_score_adj;
    return out;
}

}  // namespace

ContainerCgroup container_cgroup_of(std::string_view path) {
    std::size_t end = 0;
    while (end < path.size()) {
        end = std::min(path.find('/', end + 1), path.size());
        if (const auto id = docker::container_id_from_cgroup(path.substr(0, end)))
            return {*id, std::string(path.substr(0, end))};
    }
    return {};
}

Log scope_of(const cgroups::OomReport& report) {
    using Constraint = cgroups::OomReport::Constraint;
    if (report.constraint == Constraint::kHost) return Log::kHost;
    if (report.constraint == Constraint::kUnknown)
        return report.memcg_message ? Log::kSomeCgroup : Log::kHost;
    const ContainerCgroup container = container_cgroup_of(report.task_memcg);
    if (report.oom_memcg.empty() || container.path.empty()) return Log::kSomeCgroup;
    return is_below(report.oom_memcg, container.path) ? Log::kOwn : Log::kAncestor;
}

JudgedKill judged_alone(const cgroups::OomReport& report, TimePoint at) {
    Kill kill;
    kill.report = report;
    JudgedKill out;
    out.id = container_cgroup_of(report.task_memcg).id;
    out.at = at;
    out.judged = policies::judge(facts_of(kill));
    out.victim = named(report);
    out.oom_memcg = report.oom_memcg;
    out.log_sequence = report.sequence;
    return out;
}

std::list<KillBook::Life>& KillBook::lives_of(const std::string& id) {
    const auto found = lives_.find(id);
    return found != lives_.end() ? found->second : lives_[id];
}

KillBook::Life& KillBook::current(const std::string& id) {
    auto& lives = lives_of(id);
    if (lives.empty()) lives.emplace_back(log_readable_);
    return lives.back();
}

void KillBook::began(const std::string& id) {
    auto& lives = lives_of(id);
    // It may have been found before its start was heard of.
    if (!lives.empty() && !lives.back().ended) return;
    lives.emplace_back(log_readable_);
    lives.back().from_birth = true;
}

bool KillBook::is_open(const std::string& id) const {
    const auto found = lives_.find(id);
    return found != lives_.end() && !found->second.empty() && !found->second.back().ended;
}

void KillBook::found(const cgroups::SharedText& id, int main_pid, const OomCounters& counters, TimePoint at) {
    lives_.try_emplace(id);  // shares its name
    // Its end was seen, and its start was not.
    if (current(id).ended) began(id);
    Life& life = current(id);
    if (main_pid != 0) life.main_pid = main_pid;
    if (std::exchange(life.found, true)) return life.count.counted(counters, at);
    if (!life.from_birth) return life.count.rebase(counters);
    // The cgroups above it are older than it: what they had counted before its first kill is their past.
    if (counters.oom_kill == 0) life.count.ancestors_were(counters.ancestors);
    life.count.counted(counters, at);
}

void KillBook::counted(const std::string& id, const OomCounters& counters, TimePoint at) {
    Life& life = current(id);
    if (life.found) life.count.counted(counters, at);
}

void KillBook::ancestors_counted(const std::string& id, std::uint64_t oom) {
    current(id).count.ancestors_counted(oom);
}

std::string KillBook::holder_by_pid(int pid) const {
    for (const auto& [id, lives] : lives_)
        for (const Life& life : lives)
            if (life.main_pid == pid) return id;
    return {};
}

KillBook::Life& KillBook::life_of(const std::string& id, const cgroups::OomReport& report) {
    Life& last = current(id);
    auto& lives = lives_of(id);
    for (auto life = lives.rbegin(); life != lives.rend(); ++life)
        if (life->main_pid == report.pid) return *life;
    if (last.count.wants_report()) return last;
    // Its life may be over, and the next one begun, when the report is read.
    for (auto life = lives.rbegin(); life != lives.rend(); ++life)
        if (life->ended && (life->count.wants_report() || unexplained(*life))) return *life;
    if (!last.ended) return last;
    // The log was read before Docker's word of that end was acted on: this is the next life's, of whose
    // start Docker has not told yet.
    began(id);
    return current(id);
}

/// It ended by SIGKILL, and nobody has told whose.
bool KillBook::unexplained(const Life& life) {
    return life.ended && life.exit_code == kSigkillExit && life.count.total() == 0 && !life.docker_kill &&
           life.sigkill.value_or(true);
}

std::string KillBook::reported(const cgroups::OomReport& report, const std::string& holder, TimePoint at) {
    std::string id = container_cgroup_of(report.task_memcg).id;
    if (id.empty() && !report.task_memcg.empty()) return {};
    if (id.empty()) id = holder;
    if (id.empty()) id = holder_by_pid(report.pid);
    if (id.empty()) {
        orphans_.push_back({report, at});
    } else {
        life_of(id, report).count.reported(report, at);
    }
    return id;
}

/// A report without its cgroup belongs to whoever has a kill that nobody has named yet.
void KillBook::place_orphans(TimePoint now) {
    std::erase_if(orphans_, [&](const Orphan& orphan) {
        Life* best = nullptr;
        for (auto& [id, lives] : lives_)
            for (Life& life : lives) {
                if (!life.count.wants_report() && !unexplained(life)) continue;
                if (best == nullptr || life.count.due() < best->count.due()) best = &life;
            }
        if (best != nullptr) best->count.reported(orphan.report, orphan.at);
        return best != nullptr || now - orphan.at >= KillCount::kSettle;
    });
}

void KillBook::docker_oom(const std::string& id, TimePoint at) {
    Life& life = current(id);
    auto& lives = lives_of(id);
    // It may come after the restart, when nothing has happened to the new life yet.
    if (life.count.total() == 0 && lives.size() > 1) {
        Life& before = *std::prev(lives.end(), 2);
        if (before.count.total() > 0 && !before.count.docker_said_so()) return before.count.docker_told(at);
    }
    life.count.docker_told(at);
}

void KillBook::docker_kill(const std::string& id) {
    current(id).docker_kill = true;
}

void KillBook::seen_dying(const std::string& id, std::optional<bool> sigkill, TimePoint at) {
    Life& life = current(id);
    if (sigkill) life.sigkill = sigkill;
    life.died = at;
}

policies::Victim KillBook::victim_of(const Life& life, const Kill& kill) {
    policies::Victim out;
    const bool died = life.ended && life.exit_code == kSigkillExit;
    if (!kill.report) {
        // Counted only: PID 1's if the container ended of it.
        out.main = died && life.sigkill.value_or(true) && life.count.total() == 1;
        return out;
    }
    out = named(*kill.report);
    out.main = life.main_pid != 0 ? life.main_pid == out.pid : died;
    return out;
}

policies::KillSeen KillBook::seen(const Life& life, const Kill& kill, TimePoint at) {
    return {policies::judge(facts_of(kill)), victim_of(life, kill), at - kill.seen};
}

policies::DeathFacts KillBook::ended(const std::string& id, int exit_code, TimePoint at) {
    Life& life = current(id);
    life.ended = at;
    life.exit_code = exit_code;
    place_orphans(at);
    policies::DeathFacts out;
    out.exit_code = exit_code;
    out.sigkill = life.sigkill;
    out.docker_kill = life.docker_kill;
    out.docker_oom = life.count.docker_said_so();
    for (const Kill& kill : life.count.kills()) {
        const policies::KillSeen one = seen(life, kill, life.died.value_or(at));
        if (!kill.report) {
            out.some_kill = one;
        } else if (one.victim.main) {
            out.main_kill = one;
        } else {
            out.child_kill = one;
        }
    }
    return out;
}

void KillBook::removed(const std::string& id) {
    const auto found = lives_.find(id);
    if (found == lives_.end()) return;
    // take() forgets them when nothing is open any more.
    for (Life& life : found->second) life.ended = TimePoint{};
}

/// Whether it was PID 1 is known once the container was found, or has ended. A short life ends before it is
/// found, and a busy Docker tells of that late.
policies::Duration KillBook::still_to_learn(const Life& life) {
    return life.main_pid != 0 || life.ended ? policies::Duration{0} : kMainWithin;
}

std::uint64_t KillBook::reading(const std::string& id) const {
    const auto found = lives_.find(id);
    return found == lives_.end() || found->second.empty() ? 0 : found->second.back().count.reading();
}

std::vector<JudgedKill> KillBook::take(TimePoint now) {
    place_orphans(now);
    std::vector<JudgedKill> out;
    for (auto& [id, lives] : lives_) {
        for (Life& life : lives)
            for (const Kill& kill : life.count.take(now, still_to_learn(life))) {
                JudgedKill told{id, kill.seen, policies::judge(facts_of(kill)), victim_of(life, kill), {}, 0};
                if (kill.report) {
                    told.oom_memcg = kill.report->oom_memcg;
                    told.log_sequence = kill.report->sequence;
                }
                out.push_back(std::move(told));
            }
        std::erase_if(lives, [now](const Life& life) {
            return life.ended && now - *life.ended > kKeepEnded && life.count.due() == TimePoint::max();
        });
    }
    std::erase_if(lives_, [](const auto& entry) { return entry.second.empty(); });
    std::ranges::sort(out, {}, &JudgedKill::at);
    return out;
}

TimePoint KillBook::due() const {
    TimePoint out = orphans_.empty() ? TimePoint::max() : orphans_.front().at + KillCount::kSettle;
    for (const auto& [id, lives] : lives_)
        for (const Life& life : lives) out = std::min(out, life.count.due(still_to_learn(life)));
    return out;
}

}  // namespace governor::watch
