// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/attempts.hpp"
#include "governor/hooks/carrier.hpp"
#include "governor/hooks/messages.hpp"
#include "governor/journal/delivery.hpp"
#include "governor/ports.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace governor::hooks {

/// Brings events to one target: at least once, in their order, from a position in the journal that outlives
/// the governor. An event that fails is tried again, and holds up those behind it, until it is delivered or
/// given up. Loop's thread only; nothing here waits.
class Courier {
  public:
    struct Counts {
        std::uint64_t delivered = 0;
        std::uint64_t failed = 0;       ///< attempts
        std::uint64_t undelivered = 0;  ///< events that were given up
    };
    struct Parts {
        std::string target;              ///< the hook's name
        std::vector<std::string> types;  ///< the event types that are wanted
        policies::HookRetry retry;
        journal::EventStore& store;
        journal::Cursors& cursors;
        journal::DeadLetters& dead;
        std::unique_ptr<Carrier> carrier;
        std::unique_ptr<Content> content;
        Messages::Replay replay;  ///< the content's; may be empty
        Clock clock;
        std::function<Content::WallTime()> wall;
        std::function<double()> chance;  ///< from 0 to 1
        /// Calls back on the loop after that time; the courier may be gone by then.
        std::function<void(std::chrono::milliseconds, std::function<void()>)> later;
        /// An event of the governor's own; gives its id.
        std::function<std::uint64_t(const std::string& type, const std::string& detail)> tell;
        std::function<void(std::string_view result)> count;  ///< "delivered", "failed", "undelivered"
    };
    explicit Courier(Parts parts);

    /// Begins. Separate from the constructor, because answers may come at once.
    void start();

    const std::string& target() const { return parts_.target; }
    const Counts& counts() const { return counts_; }
    bool failing() const { return attempts_.failing(); }
    const std::string& last_error() const { return last_error_; }
    /// Events at hand that wait; those still in the journal are not counted.
    std::size_t waiting() const { return queue_.size(); }

  private:
    void begin(std::uint64_t after);
    void go_on();
    void fetch();
    void take(std::uint64_t asked_up_to, journal::Events events);
    void send(Parcel parcel);
    void send_due();
    void read_again();
    void on_outcome(const Outcome& outcome);
    void finish_wait();
    void finish_event();
    void give_up(const Outcome& outcome, int tries);
    void passed(std::uint64_t id);
    void keep_position();
    void later(std::chrono::milliseconds wait, void (Courier::*then)());
    void own(std::uint64_t id);

    Parts parts_;
    Attempts attempts_;
    Counts counts_;
    std::string last_error_;
    std::shared_ptr<void> committed_;
    std::deque<journal::Stored> queue_;
    std::uint64_t after_ = 0;  ///< all up to here is done
    std::uint64_t kept_ = 0;   ///< …and so far that is stored
    std::uint64_t committed_up_to_ = 0;
    bool loaded_ = false;
    bool reading_ = false;
    bool more_ = true;                         ///< the journal may have events that were not asked for
    bool busy_ = false;                        ///< an attempt is under way, or its repetition is waited for
    bool for_event_ = false;                   ///< the attempt is for queue_.front()
    std::optional<Content::WallTime> due_at_;  ///< a timer runs for that time
    bool read_again_ = false;                  ///< a timer runs for the next attempt to read
    std::set<std::uint64_t> own_;  ///< events about this target: it is not told of its own troubles
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace governor::hooks
