// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"
#include "governor/async/worker.hpp"
#include "governor/ports.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

namespace governor::act {

/// Surveys the processes of a container, signals the one that was chosen and watches for its end and for the
/// child that replaces it. Loop's thread only.
class Recycler {
  public:
    /// `worker` must outlive it.
    Recycler(boost::asio::any_io_executor loop, async::Worker& worker, cgroups::Processes processes,
             Clock clock);

    /// Answers Surveyed once, with what was found, or with a refusal when the worker was too late.
    void survey(const Target& target, const Answer& answer);
    /// Answers RecycleRefused, or ProcessEnded and ProcessRespawned when they happen.
    void recycle(const Target& target, const policies::RecycleProcess& what, const Answer& answer);
    void kill(const Target& target, const policies::KillProcess& what);

  private:
    using Task = boost::asio::awaitable<void>;
    using RunPtr = std::shared_ptr<Run>;

    Task survey_in_time(Target target, Answer answer);
    Task watch_end(RunPtr run, std::uint64_t attempt, Answer answer);
    bool has_new_child(const Run& run) const;
    Task pause(policies::Duration duration);
    void spawn(Task task);

    boost::asio::any_io_executor loop_;
    async::Worker& worker_;
    cgroups::Processes processes_;
    Clock clock_;
};

}  // namespace governor::act
