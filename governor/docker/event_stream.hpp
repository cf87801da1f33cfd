// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/client.hpp"
#include "governor/docker/event_lines.hpp"
#include "governor/docker/types.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace governor::docker {

struct EventStreamOptions {
    std::chrono::milliseconds connect_timeout{10'000};  ///< until the engine has begun to answer
    /// A stream that is silent for so long is opened anew: engines and proxies are known to stall without
    /// closing it, and to resume costs next to nothing.
    std::chrono::milliseconds idle_timeout{300'000};
    std::chrono::milliseconds backoff_from{100};
    std::chrono::milliseconds backoff_to{5'000};
    std::size_t max_line = 1UL << 20U;  ///< bytes; a longer line is dropped and counted
    /// Where to begin, in nanoseconds since the epoch. Without it, begins with "now"; but the engine
    /// subscribes a moment *after* it began to answer, so an event in that moment is lost. A daemon gives its
    /// clock's time minus a second or so: the engine's clock is the same.
    std::optional<std::int64_t> since;
    /// Called for each event of every type, once and in order, with the line as the engine sent it, before
    /// the handler gets it. Without it, the engine is asked for containers' events only.
    std::function<void(const Event& event, std::string_view line)> on_line;
};

/// What a stream tells its owner. Called on the stream's thread, between its reads; must not block and must
/// not throw.
class EventHandler {
  public:
    virtual ~EventHandler() = default;

    /// In order, each event once. Container events only.
    virtual void on_event(const Event& event) = 0;
    /// The stream is open, and the events that Docker still knows will follow. `resumed`: it was open before.
    /// Docker keeps 256 events, in memory: list and inspect to find what was missed.
    virtual void on_connected(bool resumed) = 0;
    /// The stream broke, or an attempt to open it failed; the next attempt is in `retry_in`.
    virtual void on_disconnected(const Error& reason, std::chrono::milliseconds retry_in) = 0;
};

/// Docker's container events without an end: reconnects with back-off and resumes after the last event.
///
/// Lives on the client's thread; client and handler must outlive run(). One run() at a time.
class EventStream {
  public:
    EventStream(Client& client, EventStreamOptions options = {});

    /// Returns only when the coroutine is cancelled; throws nothing but what the handler throws. Negotiates
    /// the API version anew at every reconnect, since the engine may have been updated in between.
    boost::asio::awaitable<void> run(std::reference_wrapper<EventHandler> handler);

    /// Lines that were too long or no event, since the start.
    std::uint64_t malformed_lines() const { return malformed_lines_; }
    /// Events that came again after a reconnect, since the start.
    std::uint64_t duplicates() const { return duplicates_; }

  private:
    /// One connection, from its opening to its end.
    boost::asio::awaitable<Error> session(std::reference_wrapper<EventHandler> handler);
    boost::asio::awaitable<void> run_until_cancelled(std::reference_wrapper<EventHandler> handler);
    void deliver(std::string_view line, EventHandler& handler);
    std::string target() const;

    Client& client_;
    EventStreamOptions options_;
    ResumePoint resume_point_;
    Backoff backoff_;
    bool was_connected_ = false;
    std::uint64_t malformed_lines_ = 0;
    std::uint64_t duplicates_ = 0;
};

}  // namespace governor::docker
