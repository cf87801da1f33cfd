// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "governor/supervisor.hpp"
#include "policies/host_guard.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>
#include <vector>

namespace governor {

/// Watches the memory of the host as a whole, and lets services give way when it runs short: the root's PSI
/// trigger, MemAvailable, and the core's guard_host(). Loop's thread only.
class HostWatch {
  public:
    struct Parts {
        boost::asio::any_io_executor loop;
        Supervisor& supervisor;
        publish::EventSink& sink;
        async::Worker& worker;
        cgroups::Processes processes;
        Clock clock;
        std::string mount;  ///< of cgroup v2: its root has memory.pressure
        std::string proc = "/proc";
    };
    /// What `parts` refers to must outlive it.
    HostWatch(Parts parts, std::shared_ptr<const policies::Policy> policy);

    /// Looks when it is due, from now on and as long as this object lives.
    void start();
    void set_policy(std::shared_ptr<const policies::Policy> policy);

    const policies::HostState& state() const { return state_; }

  private:
    struct Candidate {
        std::shared_ptr<Controller> controller;
        policies::HostCandidate core;
    };

    void wait();
    void arm_trigger();
    void wait_for_trigger();
    void look(bool pressure_fired);
    bool take_sample(policies::HostSample& out);
    std::vector<Candidate> candidates() const;
    void act_on(const policies::HostDecision& decision, const std::vector<Candidate>& candidates);
    void tell(const policies::HostDecision& decision);
    bool victim_done() const;

    Parts parts_;
    std::shared_ptr<const policies::Policy> policy_;
    policies::HostState state_;
    boost::asio::steady_timer timer_;
    policies::TimePoint next_;
    bool near_ = false;  ///< at the last look: available memory was not plenty
    bool started_ = false;
    std::unique_ptr<boost::asio::posix::stream_descriptor> trigger_;
    std::weak_ptr<Controller> victim_;
    std::shared_ptr<Run> victim_run_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// The largest process that belongs to no container, as "name (pid 123, 1.2GiB)"; empty when there is none.
/// Reads all of /proc: for the worker's thread.
std::string largest_outside(const std::string& proc, const std::vector<std::string>& container_ids);

std::string_view to_string(policies::Culprit culprit);

}  // namespace governor
