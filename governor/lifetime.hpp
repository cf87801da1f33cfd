// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/async/exit_deadline.hpp"
#include "governor/systemd/notify.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>
#include <string>

namespace governor {

/// The daemon's beginning and end as others see them: the signals that it is sent, and what it says to the
/// service manager. Loop's thread only.
class Lifetime {
  public:
    /// `deadline` must outlive it. From here on no signal is lost.
    Lifetime(const boost::asio::any_io_executor& loop, async::ExitDeadline& deadline,
             systemd::Notify::Options notify);

    /// Until SIGTERM or SIGINT comes, or had come already. A SIGHUP meanwhile is kept for the next call of
    /// wait_for_end().
    boost::asio::awaitable<void> wait_for_early_end();
    /// The same; each SIGHUP calls `reload`, which returns what was wrong, or nothing.
    boost::asio::awaitable<void> wait_for_end(std::function<std::string()> reload);
    /// It governs what runs. Only the first call counts.
    void ready();
    boost::asio::awaitable<void> keep_alive() { return notify_.keep_alive(); }

  private:
    void reload_now(const std::function<std::string()>& reload);

    async::ExitDeadline& deadline_;
    boost::asio::signal_set signals_;
    systemd::Notify notify_;
    bool ready_ = false;
    bool reload_wanted_ = false;
};

}  // namespace governor
