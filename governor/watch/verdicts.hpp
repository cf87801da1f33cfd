// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/death_watch.hpp"
#include "cgroup/fd.hpp"
#include "cgroup/process.hpp"
#include "governor/async/readiness.hpp"
#include "governor/async/worker.hpp"
#include "governor/docker/client.hpp"
#include "governor/ports.hpp"
#include "governor/watch/kill_book.hpp"
#include "governor/watch/oom_log.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace governor::watch {

/// Says what killed it: for every kill by the OOM killer an `oom_verdict`, for every end of a container a
/// verdict in its `exited` or `restart_finished`. Hears Docker's events, the counters, the kernel's log and
/// the death of each PID 1; KillBook and policies::judge() decide. Loop's thread only; lives as long as the
/// daemon.
class Verdicts {
  public:
    struct Parts {
        boost::asio::any_io_executor loop;
        docker::Client& docker;
        publish::EventSink& sink;
        async::Worker& worker;
        cgroups::Processes processes;
        Clock clock;
        std::string cgroup_mount;
        std::string proc = "/proc";
        std::string kernel_log = cgroups::KernelLog::kPath;
        std::string state_dir{};  ///< keeps how far the log was told
        std::string boot_id{};
        std::int64_t started_ns = 0;  ///< wall clock: starts before it are an older governor's
    };
    /// Opens the kernel's log. Without the right to read it, counters and Docker are what is left; it is said
    /// once.
    explicit Verdicts(Parts parts);
    ~Verdicts();
    Verdicts(const Verdicts&) = delete;
    Verdicts& operator=(const Verdicts&) = delete;

    /// Reads the log and tells what is ready, until cancelled.
    boost::asio::awaitable<void> run();

    /// Every event of a container, before anybody else acts on it.
    void on_docker(const docker::Event& event);
    /// Its cgroup is held from now on, or it was looked at again.
    void on_found(const docker::ContainerDetails& details, const publish::SharedSubject& subject,
                  const std::shared_ptr<Run>& run);
    void on_sampled(const std::string& id, const cgroups::MemorySample& sample);
    /// What ended it. `by_governor`: it was killed whole by us.
    policies::Death on_ended(const std::string& id, int exit_code, bool by_governor);
    /// It ended before it was found: nobody else tells of it.
    void on_ended_unfound(const docker::Event& die, int exit_code);
    /// It is no more.
    void on_removed(const std::string& id);
    /// What oom_kill of its last life was at the end, as far as it is known.
    std::uint64_t oom_kills(const std::string& id) const { return book_.reading(id); }
    bool reads_kernel_log() const { return log_.has_value(); }

  private:
    struct Known {
        publish::SharedSubject subject;
        std::shared_ptr<Run> run;
        std::uint64_t oom_kill = 0;
        OomCounters counters;
        policies::Bytes hard;
        struct Look {
            policies::TimePoint at{};
            policies::Bytes current;
            policies::Bytes unreclaimable;
        };
        std::vector<Look> looks;  ///< the last ones, oldest first
        std::optional<cgroups::DeathWatch> death;
        async::Readiness::Registration dying;  ///< of `death`
    };

    void hear_log();
    void hear(const OomLog::Heard& heard);
    void keep_cursor();
    void look(const std::string& id, Known& known);
    OomCounters read_counters(Known& known, const cgroups::MemoryEvents& events);
    std::optional<std::uint64_t> ancestors_of(const std::string& path);
    void watch_death(Known& known);
    void see_dying(Known& known);
    void tell_ready();
    void wake_at(policies::TimePoint due);
    boost::asio::awaitable<void> tell_when_due();
    boost::asio::awaitable<void> follow_log();
    boost::asio::awaitable<void> ask_docker(JudgedKill kill, bool missed, publish::Record record);
    void tell(JudgedKill kill, bool missed);
    void finish(const JudgedKill& kill, bool missed, publish::Record record);
    publish::Record record_of(const JudgedKill& kill) const;
    void tell_of_host(const cgroups::OomReport& report, bool missed);

    Parts parts_;
    policies::TimePoint made_at_ = parts_.clock();
    std::optional<OomLog> log_;
    KillBook book_;
    async::Readiness dying_;
    std::map<cgroups::SharedText, Known, std::less<>> known_;
    std::set<std::string> removed_;
    std::map<std::string, cgroups::UniqueFd> ancestors_;  ///< their memory.events.local, by path
    boost::asio::steady_timer timer_;
    policies::TimePoint wake_at_ = policies::TimePoint::max();
    std::uint64_t kept_cursor_ = 0;
    std::uint64_t lost_told_ = 0;
};

/// A sentence for a person: who, whose limit, and what Docker says.
std::string explain_kill(const JudgedKill& kill, bool missed);

}  // namespace governor::watch
