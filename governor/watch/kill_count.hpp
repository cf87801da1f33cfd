// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/kmsg.hpp"
#include "policies/event.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace governor::watch {

/// What the counters of a container and of the cgroups above it say at one look.
struct OomCounters {
    std::uint64_t oom_kill = 0;                ///< memory.events
    std::uint64_t oom = 0;                     ///< memory.events
    std::uint64_t local_oom = 0;               ///< memory.events.local
    std::optional<std::uint64_t> ancestors{};  ///< memory.events.local's `oom`, summed over all above it
};

/// One kill by the OOM killer, put together from whoever told of it.
struct Kill {
    policies::TimePoint seen{};  ///< when the first of them told
    std::optional<cgroups::OomReport> report;
    bool counted = false;
    bool counters_read = false;  ///< the four below were looked at
    bool local_oom = false;
    bool subtree_oom = false;
    bool ancestors_read = false;
    bool ancestor_oom = false;
    bool docker_oom = false;
    bool told = false;
};

/// Counts the OOM kills in one life of a container, each once, whoever tells first: the counter in
/// memory.events grows by one for each, the kernel's log has one report for each, Docker tells of one or
/// several at once. Counter and log are two queues: the nth kill of the one is the nth of the other, so that
/// it does not matter which comes first, or that one of them never comes. Pure.
class KillCount {
  public:
    /// A kill is told when all have spoken, or this long after the first.
    static constexpr policies::Duration kSettle = std::chrono::seconds(2);
    /// A report that comes later than this is another kill's.
    static constexpr policies::Duration kLate = std::chrono::seconds(10);

    /// `log_readable`: reports are to be expected.
    explicit KillCount(bool log_readable) : log_readable_(log_readable) {}

    /// Found in the middle of its life: what these counters hold is the past.
    void rebase(const OomCounters& base);
    /// What the cgroups above had counted before.
    void ancestors_were(std::optional<std::uint64_t> oom) { at_kill_.ancestors = oom; }
    void counted(const OomCounters& now, policies::TimePoint at);
    void reported(const cgroups::OomReport& report, policies::TimePoint at);
    void docker_told(policies::TimePoint at);
    /// Counters of the cgroups above, read when its own were gone.
    void ancestors_counted(std::uint64_t oom);

    /// Takes the kills that can be told now. `more`: something else is still to be learnt of them, and so
    /// much longer than kSettle it is waited for.
    std::vector<Kill> take(policies::TimePoint now, policies::Duration more = {});
    /// When take() has something at the latest; TimePoint::max() when nothing waits.
    policies::TimePoint due(policies::Duration more = {}) const;
    /// Somebody told of a kill, and which process it was is not known yet.
    bool wants_report() const;

    /// Kills in this life since it was found.
    std::uint64_t total() const { return total_; }
    /// What oom_kill must be by now, also when it can no longer be read.
    std::uint64_t reading() const { return base_ + total_ - total_at_base_; }
    /// The ones of the last minute, oldest first, told or not.
    const std::vector<Kill>& kills() const { return kills_; }
    bool docker_said_so() const { return docker_ever_; }

  private:
    Kill& add(policies::TimePoint at);
    bool said_by_docker_alone() const;

    bool log_readable_;
    OomCounters last_;     ///< at the last look
    OomCounters at_kill_;  ///< at the last look that saw a kill: `oom` grows a moment before `oom_kill`
    policies::TimePoint looked_at_{};
    std::optional<policies::TimePoint> docker_at_;  ///< Docker's last word
    std::optional<policies::TimePoint> claim_at_;   ///< Docker's word that nobody has confirmed
    bool docker_ever_ = false;
    std::uint64_t total_ = 0;
    std::uint64_t base_ = 0;
    std::uint64_t total_at_base_ = 0;
    std::vector<Kill> kills_;
};

}  // namespace governor::watch
