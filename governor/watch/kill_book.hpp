// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/shared_text.hpp"
#include "governor/watch/kill_count.hpp"
#include "policies/verdict.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor::watch {

/// A kill to be told, with what it was judged to be.
struct JudgedKill {
    std::string id;  ///< of the container
    policies::TimePoint at{};
    policies::KillVerdict judged;
    policies::Victim victim;
    std::string oom_memcg;           ///< whose limit it was, when the log tells
    std::uint64_t log_sequence = 0;  ///< of the report; 0: there is none
};

/// Finds for every kill by the OOM killer the container and the life it belongs to. A restarted container has
/// the same id and the same cgroup path, so a report that comes after the restart is told from the next
/// life's by its process and by who waits for one. Pure: times are arguments, nothing is read.
class KillBook {
  public:
    explicit KillBook(bool log_readable) : log_readable_(log_readable) {}

    /// Docker's `start` event: a new cgroup, whose counters begin at 0.
    void began(const std::string& id);
    /// It began, or was found, and its end was not told yet.
    bool is_open(const std::string& id) const;
    /// Something of it is remembered.
    bool knows(const std::string& id) const { return lives_.contains(id); }
    /// Its cgroup was found. `main_pid` is PID 1 as the host sees it; 0: not known. When its start was not
    /// seen, the counters are where counting begins.
    void found(const cgroups::SharedText& id, int main_pid, const OomCounters& counters,
               policies::TimePoint at);
    void counted(const std::string& id, const OomCounters& counters, policies::TimePoint at);
    void ancestors_counted(const std::string& id, std::uint64_t oom);
    /// `holder` is the container of the process, when /proc still told; the report's own cgroup comes first.
    /// The container it was given to; empty: it is no container's, as far as can be known now.
    std::string reported(const cgroups::OomReport& report, const std::string& holder, policies::TimePoint at);
    void docker_oom(const std::string& id, policies::TimePoint at);
    void docker_kill(const std::string& id);
    /// PID 1 was seen dead at that time, long before Docker tells perhaps; of SIGKILL or not, when that could
    /// be seen.
    void seen_dying(const std::string& id, std::optional<bool> sigkill, policies::TimePoint at);

    /// What is known of its end now. Reports that are waiting in the log must have been given before.
    policies::DeathFacts ended(const std::string& id, int exit_code, policies::TimePoint at);
    /// The container was removed; what is still open is told all the same.
    void removed(const std::string& id);

    /// What oom_kill of the current life, or of the last one, must be by now.
    std::uint64_t reading(const std::string& id) const;
    std::vector<JudgedKill> take(policies::TimePoint now);
    policies::TimePoint due() const;
    /// Whether reports wait for a container that is not known yet.
    bool has_orphans() const { return !orphans_.empty(); }

  private:
    struct Life {
        explicit Life(bool log_readable) : count(log_readable) {}
        KillCount count;
        bool from_birth = false;
        bool found = false;
        int main_pid = 0;
        bool docker_kill = false;
        std::optional<bool> sigkill;
        std::optional<policies::TimePoint> died;   ///< when PID 1 was seen dead
        std::optional<policies::TimePoint> ended;  ///< when Docker told
        int exit_code = -1;
    };
    struct Orphan {
        cgroups::OomReport report;
        policies::TimePoint at{};
    };

    std::list<Life>& lives_of(const std::string& id);
    Life& current(const std::string& id);
    Life& life_of(const std::string& id, const cgroups::OomReport& report);
    std::string holder_by_pid(int pid) const;
    static bool unexplained(const Life& life);
    static policies::Duration still_to_learn(const Life& life);
    void place_orphans(policies::TimePoint now);
    static policies::Victim victim_of(const Life& life, const Kill& kill);
    static policies::KillSeen seen(const Life& life, const Kill& kill, policies::TimePoint at);

    bool log_readable_;
    std::map<cgroups::SharedText, std::list<Life>, std::less<>> lives_;  ///< nearly always one each
    std::vector<Orphan> orphans_;
};

/// The container that a cgroup path names, and the path of its own cgroup; empty when there is none.
struct ContainerCgroup {
    std::string id;
    std::string path;
};
ContainerCgroup container_cgroup_of(std::string_view path);

/// What a report says by itself, when nothing else is known any more. Whether it was PID 1 stays open.
JudgedKill judged_alone(const cgroups::OomReport& report, policies::TimePoint at);

/// Whose limit a report names.
policies::KillFacts::Log scope_of(const cgroups::OomReport& report);

}  // namespace governor::watch
