// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/control_api.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace governor::dbus {

/// Lets another thread ask the daemon something: the question runs on the loop's thread, and only the asking
/// thread waits. The loop must not be run by the asking thread.
class LoopAsker {
  public:
    using Question = std::function<http::Reply(http::ControlApi&)>;

    /// `api` must outlive close().
    LoopAsker(boost::asio::any_io_executor loop, http::ControlApi& api);

    /// Nothing when the loop did not come to it within `patience`, or was closed meanwhile. A question that
    /// throws is answered with status 500.
    std::optional<http::Reply> ask(Question question, std::chrono::milliseconds patience);
    /// Loop's thread: no question reaches the api any more, and nobody waits any more.
    void close();

  private:
    struct State;
    std::shared_ptr<State> state_;  ///< held by questions that still wait for the loop
};

}  // namespace governor::dbus
