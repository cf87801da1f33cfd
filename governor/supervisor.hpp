// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"
#include "governor/act/lender.hpp"
#include "governor/async/readiness.hpp"
#include "governor/async/worker.hpp"
#include "governor/controller.hpp"
#include "governor/docker/client.hpp"
#include "governor/docker/event_stream.hpp"
#include "governor/watch/schedule.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace governor::watch {
class Verdicts;
}
namespace governor::act {
struct BrakeRelease;
}

namespace governor {

/// What the host is like, found once at start.
struct Host {
    std::string cgroup_mount;
    std::string cgroup_driver;
    std::string docker_version;
    policies::Bytes memory;     ///< of the host: the base of a hard limit in percent
    std::string own_container;  ///< id; empty outside a container
};

/// Knows all containers: follows Docker's events, puts the policy's limits on each start, takes samples when
/// they are due, and feeds each container's controller. Loop's thread only; lives as long as the daemon.
class Supervisor final : public docker::EventHandler, public act::Lender {
  public:
    struct Parts {
        boost::asio::any_io_executor loop;
        docker::Client& docker;
        Actuator& actuator;
        publish::EventSink& sink;
        async::Worker& worker;
        cgroups::Processes processes;
        Clock clock;
        HistoryStore& history;
        Companion* companion =
            nullptr;  ///< told of each container that is armed, and of its end; may be null
        watch::Verdicts* verdicts = nullptr;  ///< says what killed it; may be null
        std::string proc = "/proc";           ///< of the host
        std::string sys = "/sys";             ///< of the host
        /// Called before a deadline is acted upon: while this process was stopped the guardian may have
        /// released the brake that the deadline belongs to, and what it did must be fed first. May be empty.
        std::function<void()> before_deadline{};
    };
    Supervisor(Parts parts, Host host, std::shared_ptr<const policies::Policy> policy);
    ~Supervisor() override;

    /// Takes samples when due, until cancelled.
    boost::asio::awaitable<void> run();
    /// Lists all containers and catches up with what the events did not tell. `thorough` looks at every
    /// running one; otherwise only at those that are new, or whose cgroup turned out to be gone: a minute's
    /// check must not cost an inspect for each.
    boost::asio::awaitable<void> reconcile(bool thorough);

    /// `settled` is called once: when all that was found at the start was looked at, and armed where a policy
    /// says so.
    void when_settled(std::function<void()> settled) { settled_ = std::move(settled); }

    void set_policy(std::shared_ptr<const policies::Policy> policy);
    /// Puts every container at ease: no brake, no tripwire. Without a governor a tripwire would only slow a
    /// leak to a livelock; the cap of a quarantine or a back-off stays.
    void stand_down();
    /// The guardian released a brake of ours, because we had been silent for longer than the lease.
    void on_brake_lost(const act::BrakeRelease& release);

    void on_event(const docker::Event& event) override;
    void on_connected(bool resumed) override;
    void on_disconnected(const docker::Error& reason, std::chrono::milliseconds retry_in) override;

    void lend(const Target& target, policies::Bytes hard, Answer answer) override;
    void take_back(const Target& target, policies::Bytes hard, Answer answer) override;

    /// What is still asked of Docker's answer once a container is armed: of thousands, all of it would be
    /// most of the daemon's memory.
    struct Found {
        std::int64_t memory = 0;       ///< Docker's own limits, bytes; 0: none
        std::int64_t memory_swap = 0;  ///< memory and swap together; -1: no limit
        bool paused = false;
        std::optional<std::chrono::seconds> stop_timeout;  ///< absent: Docker's default
        std::vector<docker::JoinedNamespace> joins;        ///< namespaces of other containers
        bool health_check = false;
    };

    struct Entry {
        Found found;
        std::shared_ptr<Controller> controller;
        async::Readiness::Registration trips;  ///< of the run's memory.events
        /// PSI triggers for the policy's conditions on `pressure`.
        std::vector<async::Readiness::Registration> pressure;
        policies::TimePoint listen_at = policies::TimePoint::max();
        policies::TimePoint look_again_at = policies::TimePoint::min();  ///< after a look that failed
        bool attaching = false;
        bool attach_again = false;
        bool died = false;  ///< while it was being attached
        bool armed = false;
        bool stale = false;         ///< its cgroup is gone, and no event has told why yet
        bool switched_off = false;  ///< by its label governor.enable
        bool following = false;     ///< Docker restarts it because of another one (`restart_with`)
        /// Id of the container whose pid namespace it shares and with whose restart it ended.
        std::string died_with;
        std::vector<std::string> notes;  ///< sentences for `explain`
    };
    using Entries = std::map<cgroups::SharedText, Entry, std::less<>>;
    const Entries& entries() const { return entries_; }
    Entry* find(const std::string& id);
    const Host& host() const { return host_; }
    bool docker_connected() const { return connected_; }
    /// The host's swap and the number of the round: read again after a second.
    const cgroups::Surroundings& surroundings();

  private:
    using Task = boost::asio::awaitable<void>;

    void spawn(Task task);
    Task attach(std::string id, bool started);
    Task attach_once(std::string id, bool started);
    void attach_later(const std::string& id);
    void settle();
    Task attach_queued();
    Task arm(std::string id, std::shared_ptr<Run> run);
    boost::asio::awaitable<bool> set_hard_limit(std::string id, std::shared_ptr<Run> run,
                                                policies::Bytes hard);
    boost::asio::awaitable<void> set_tripwire(std::shared_ptr<Run> run, policies::Bytes tripwire);
    /// Runs what may block on the worker's thread and waits for its end.
    boost::asio::awaitable<void> offload(std::function<cgroups::Result<void>()> job);
    bool choose_policy(Entry& entry, Target& target);
    std::shared_ptr<Run> make_run(const docker::ContainerDetails& details, std::string& problem);
    void adopt(Entry& entry, const std::shared_ptr<Run>& run);

    std::string joiners_of(const Entry& restarted) const;

    // -- replicas and their loans (replicas.cpp) --
    struct LentLimit {
        std::string id;
        std::shared_ptr<Run> run;
        policies::Bytes hard;
        std::chrono::milliseconds patience;
        bool grant = false;  ///< else it is paid back
    };
    bool is_away(const Entry& entry) const;
    bool replica_away(const Entry& entry, policies::Bytes unreclaimable) const;
    /// Its raised hard limit, while a loan runs that its policy still allows.
    std::optional<policies::Bytes> lent_limit(const Entry& entry) const;
    std::string refuse_loan(const Entry& entry, policies::Bytes hard);
    Task set_lent_limit(LentLimit loan, Answer answer);

    // -- restart_with (dependants.cpp) --
    struct Following {
        std::string id;
        std::string source;  ///< id of the container that was restarted
        std::shared_ptr<Run> source_run;
        std::string why;
    };
    std::string tie_to(const Entry& source, const Entry& other) const;
    bool may_follow(const Entry& entry) const;
    void note_died_with(Entry& entry);
    void restart_dependants(const Entry& source);
    Task follow_restart(std::string id, std::shared_ptr<Run> run);
    Task restart_by_its_policy(std::string id, std::string why);
    Task restart_by_docker(Following what);
    Task pause(std::chrono::milliseconds duration);
    void tell_restarted_with(const Entry& entry, const std::string& why);
    void tell_not_followed(const Entry& entry, const std::string& problem);

    void care_for(const Entry& entry, const std::shared_ptr<Run>& run);
    void listen_for_trips(Entry& entry, const Run& run);
    void listen_for_pressure(Entry& entry, const Run& run);
    void listen_again(Entry& entry);
    static void stop_listening(Entry& entry);
    void on_trip(Entry& tripped);
    void on_pressure(Entry& stalled);
    void sample(const std::string& id, bool may_be_trip);
    bool glance(Entry& entry);
    void repair_tripwire(Entry& entry, const policies::Sample& sample);
    void on_due(const std::string& id);
    void reschedule(const std::string& id);
    void on_die(const docker::Event& event);
    void on_exit(const std::string& id, int exit_code);
    static void on_kill(Entry& entry, const docker::Event& event);
    void on_rename(Entry& entry, const docker::Event& event);
    void on_network(const docker::Event& event);
    void forget(const std::string& id);
    std::vector<cgroups::SharedText> below(const cgroups::LimitNode& node) const;
    bool shares_its_limit(const Entry& entry, const policies::Sample& sample) const;
    void settle_shared_limit(const std::string& near, const policies::Sampled& input);
    void sample_others_below(const std::string& id);
    /// The only place that sets `ended`: every end of a life reaches all that keep something for it.
    void end(Run& run);
    void tell(const std::string& type, const std::string& detail);
    void tell_out_of_files();
    void add_note(Entry& entry, const std::string& note);

    Parts parts_;
    Host host_;
    std::shared_ptr<const policies::Policy> policy_;
    async::Readiness trips_;
    async::Readiness pressure_;
    Entries entries_;
    watch::Schedule schedule_;
    boost::asio::steady_timer timer_;
    std::set<std::string> to_attach_;
    /// Coroutines that work on to_attach_. Shared, because the loop may destroy one after this object.
    std::shared_ptr<int> attaching_ = std::make_shared<int>(0);
    bool connected_ = false;
    bool standing_down_ = false;
    cgroups::LimitTree limits_;
    cgroups::SwapReader swap_;
    cgroups::Surroundings surroundings_;
    policies::TimePoint surroundings_at_{};
    bool settling_ = false;  ///< samples are taken to choose who gives way: none of them chooses again
    bool listed_ = false;    ///< the first list of containers came
    std::function<void()> settled_;
    policies::TimePoint out_of_files_at_{};  ///< when it was last told
};

/// What Docker's MemorySwap must be for a hard limit: memory and swap together.
std::int64_t memory_and_swap(const policies::Memory& memory, policies::Bytes hard,
                             const Supervisor::Found& now);

/// Memory as the kernel tells it, in the core's types.
policies::Sample to_sample(const cgroups::MemorySample& sample);

}  // namespace governor
