// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"
#include "governor/act/drain_hook.hpp"
#include "governor/act/guardian.hpp"
#include "governor/act/lender.hpp"
#include "governor/act/recycler.hpp"
#include "governor/async/worker.hpp"
#include "governor/docker/client.hpp"
#include "governor/ports.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace governor::act {

/// Acts on real containers: the kernel's files first, Docker for what only Docker may do. Loop's thread only.
class LiveActuator final : public Actuator {
  public:
    struct Parts {
        boost::asio::any_io_executor loop;
        docker::Client& docker;
        Guardian& guardian;
        async::Worker& worker;
        cgroups::Processes processes;
        Clock clock;
        std::string proc = "/proc";  ///< of the host
    };
    /// What `parts` refers to must outlive it.
    explicit LiveActuator(Parts parts);

    void perform(const Deed& deed, Answer answer) override;
    void relieve(const Target& target, const policies::Relief& relief, Answer answer) override;
    void ended(const Run& run) override;
    /// Grants and takes back loans. Must outlive it, or be replaced by null.
    void use_lender(Lender* lender) { lender_ = lender; }

  private:
    using Task = boost::asio::awaitable<void>;
    using RunPtr = std::shared_ptr<Run>;

    bool freeze(const Target& target, const Answer& answer);
    void ask_stop(const Target& target, const policies::AskStop& ask, const Answer& answer);
    void signal_stop(const Target& target, const Answer& answer);
    void set_tripwire(const Target& target, policies::Bytes value);
    void kill(const Target& target, const Answer& answer);
    void begin_hold(const RunPtr& run, int keep);
    void hold_others(const Target& target, int keep, const Answer& answer);
    void spawn(Task task);

    Task report_frozen(RunPtr run, Answer answer);
    Task ask_docker(Target target, policies::AskStop ask, Answer answer);
    Task watch_pending(RunPtr run, std::uint64_t attempt, Answer answer);
    Task thaw(RunPtr run, policies::Duration hold, std::uint64_t order);
    Task thaw_surely(RunPtr run, bool hold);
    Task release_hold(RunPtr run, policies::Duration patience);
    Task run_alone(RunPtr run, std::uint64_t order);
    Task start_container(Target target);
    Task call_warn(Target target, Answer answer);
    Task renew_lease();
    Task pause(policies::Duration duration);

    policies::StopHandling stop_handling(const Run& run) const;

    Parts parts_;
    Recycler recycler_;
    DrainHooks drain_hooks_;
    Lender* lender_ = nullptr;
    bool renewing_ = false;  ///< renew_lease() runs
};

enum class Then : std::uint8_t { kClearMark, kKeepMark };

/// Thaws what a governor that is gone left frozen, hold included. For containers found at start, and for the
/// governor's own end. Waits for the kernel's RCU when there is a hold.
void undo_brake(const cgroups::Directory& directory, Then then);

}  // namespace governor::act
