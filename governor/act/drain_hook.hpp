// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/async/worker.hpp"
#include "governor/docker/client.hpp"
#include "governor/ports.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <string>

namespace governor::act {

/// Calls the drain hooks of policies, and removes the files that they made. Loop's thread only.
class DrainHooks {
  public:
    /// `docker` must outlive it; `proc` is the host's /proc.
    DrainHooks(boost::asio::any_io_executor loop, docker::Client& docker, std::string proc);

    /// Answers DrainHookDone once, within the call's timeout (1 s for a file), with a sentence for the event.
    boost::asio::awaitable<void> call(Target target, Answer answer);
    /// Removes the file of the container's policy, and the one of an earlier policy that was in force at the
    /// call. Answers only when that fails: DrainHookDone, not good.
    void end(const Target& target, const Answer& answer);

  private:
    boost::asio::awaitable<std::string> call_file(Target target, std::string path);
    boost::asio::awaitable<bool> wait_for_thaw(std::shared_ptr<Run> run, std::chrono::milliseconds limit);
    async::Worker& lane();

    boost::asio::any_io_executor loop_;
    docker::Client& docker_;
    std::string proc_;
    /// A thread for the files alone, from the first one on: a file system of a container that blocks must not
    /// keep another container's memory.high from being written.
    std::unique_ptr<async::Worker> lane_;
    std::map<std::string, std::string> made_;  ///< container id -> path; at most kMostMade
};

/// For a governor that ends: the file must not outlive it. Blocks as long as the container's file system.
void remove_drain_file_now(const std::string& proc, const Target& target);

}  // namespace governor::act
