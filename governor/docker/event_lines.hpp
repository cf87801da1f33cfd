// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/types.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

// The parts of the event stream that need no socket. Pure; each object belongs to one stream.
namespace governor::docker {

/// Cuts a stream of bytes into lines. Blank lines (keep-alives) are left out; a line longer than `max_line`
/// bytes is dropped whole and counted, so that a peer that never sends a newline cannot take the memory of a
/// memory guard.
class LineSplitter {
  public:
    explicit LineSplitter(std::size_t max_line) : max_line_(max_line) {}

    /// Pieces may be cut anywhere.
    void feed(std::string_view piece);
    /// The next complete line, without its end; `nullopt` when more bytes are needed.
    std::optional<std::string> next();
    std::uint64_t dropped_lines() const { return dropped_lines_; }

  private:
    std::size_t max_line_;
    std::string current_;
    std::deque<std::string> lines_;
    bool dropping_ = false;
    std::uint64_t dropped_lines_ = 0;

    void finish_line();
};

/// Makes "exactly once" of a stream that is resumed with an inclusive `since`.
///
/// Remembers the last 512 events, twice what Docker's ring holds, so that any replay is recognised however
/// far back it begins. `since()` goes back a little further than the last event: Docker takes an event's time
/// before it queues it, so two events can arrive in the other order, and the later one would be missed. It
/// follows the last event and not the highest time, because the host's clock may be set back.
class ResumePoint {
  public:
    /// `since` is where the first connection begins, in nanoseconds since the epoch; `nullopt`: with what
    /// happens from now on.
    explicit ResumePoint(std::optional<std::int64_t> since) : since_(since) {}

    /// False when the event was seen before.
    bool accept(const Event& event);
    /// For the `since` parameter; `nullopt` when there is nothing to resume from.
    std::optional<std::int64_t> since() const { return since_; }

  private:
    struct Key {
        std::int64_t time_nano;
        std::string actor_id;
        std::string action;
    };
    std::optional<std::int64_t> since_;
    std::deque<Key> seen_;
};

/// "seconds.nanoseconds", as Docker reads it. Times before the epoch are 0.
std::string format_since(std::int64_t time_nano);

/// Waiting times that double from `from` to `to`.
class Backoff {
  public:
    Backoff(std::chrono::milliseconds from, std::chrono::milliseconds to)
        : from_(from), to_(to), next_(from) {}

    /// How long to wait now; the next wait is longer.
    std::chrono::milliseconds next();
    void reset() { next_ = from_; }

  private:
    std::chrono::milliseconds from_;
    std::chrono::milliseconds to_;
    std::chrono::milliseconds next_;
};

}  // namespace governor::docker
