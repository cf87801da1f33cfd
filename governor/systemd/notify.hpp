// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/async/worker.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace governor::systemd {

/// What a service of Type=notify says to its manager (sd_notify(3)): that it is ready, that it reloads, that
/// it ends, and that its loop turns. Without NOTIFY_SOCKET it says nothing. Loop's thread only.
class Notify {
  public:
    struct Options {
        /// Sends one state; empty: nothing is to be sent. On a thread of its own, because the manager may not
        /// read for a while.
        std::function<void(const std::string& state)> send;
        /// WATCHDOG_USEC; 0: the manager does not watch.
        std::chrono::microseconds watchdog{0};

        /// As the service manager set them in the environment.
        static Options from_environment();
    };
    Notify(boost::asio::any_io_executor loop, Options options);

    void ready(const std::string& status);
    /// To be followed by ready().
    void reloading();
    void stopping();
    /// Says that the loop turns, twice in each period of the watchdog, until cancelled.
    boost::asio::awaitable<void> keep_alive();

  private:
    void send(std::string state);

    boost::asio::any_io_executor loop_;
    Options options_;
    std::optional<async::Worker> sender_;
};

}  // namespace governor::systemd
