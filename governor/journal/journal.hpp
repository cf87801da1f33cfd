// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/delivery.hpp"
#include "governor/journal/event_store.hpp"
#include "governor/journal/store.hpp"
#include "governor/publish/publisher.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace governor::journal {

class Writer;
struct Listeners;

/// CLOCK_BOOTTIME: events grow old while the host is suspended.
std::chrono::milliseconds host_uptime();

struct Options {
    std::string folder;  ///< made when it is missing; the file in it is journal.db
    Retention retention;
    std::size_t queue = 4096;                       ///< events that may wait to be stored
    std::chrono::milliseconds retry_every{30'000};  ///< while nothing can be stored
    std::chrono::milliseconds trim_every{60'000};   ///< how often the retention looks
    std::chrono::milliseconds patience{2'000};      ///< the constructor waits so long for the disk
    /// Time that passes, from any beginning, whatever is done to the wall clock: CLOCK_BOOTTIME. From the
    /// journal's thread.
    std::function<std::chrono::milliseconds()> uptime = host_uptime;
    /// Pages that the file may have (Store::open), asked at each opening; empty: no limit. From the journal's
    /// thread.
    std::function<std::uint32_t()> page_limit;
};

/// An event of the journal's own: its type (docs/events.md) and its detail.
using Tell = std::function<void(const std::string& type, const std::string& detail)>;

/// What waits to be stored, and how many events were lost because too many waited.
struct Backlog {
    std::size_t waiting = 0;
    std::uint64_t dropped = 0;  ///< since the start
};

/// The durable log of events: SQLite, on a thread of its own. The loop only puts into a queue and never
/// waits. What can not be stored stays in memory, and is stored when that is possible again. Loop's thread
/// only.
class Journal final : public EventStore, public Cursors, public DeadLetters {
  public:
    /// Opens the file, for at most `patience`. That it fails is told, and tried again; nothing else depends
    /// on it. `wall` is called on both threads; `tell` on the loop, never from within a call of this class.
    Journal(boost::asio::any_io_executor loop, Options options, publish::Publisher::WallClock wall,
            Tell tell);
    /// Closes with one second's patience.
    ~Journal() override;

    /// The next event's id: greater than all that were handed out before, by this process or an earlier one.
    std::uint64_t next_id();
    void append(publish::PublishedPtr event);
    Backlog backlog() const;
    /// Stores what waits, for at most `limit`, and ends the thread. False: the disk did not answer in time.
    bool close(std::chrono::milliseconds limit);

    void read(Query query, ReadDone done) override;
    [[nodiscard]] std::shared_ptr<void> on_committed(Committed committed) override;
    void load_cursor(std::string name, Loaded loaded) override;
    void advance_cursor(const std::string& name, std::uint64_t id) override;
    void keep_cursors(std::set<std::string> names) override;
    void add_dead(DeadLetter letter) override;
    void list_dead(std::size_t limit, Listed listed) override;

  private:
    std::shared_ptr<Listeners> listeners_;
    std::shared_ptr<Writer> writer_;  ///< held by the thread too, which may be stuck in the disk
    std::thread thread_;
    std::uint64_t last_id_ = 0;
};

}  // namespace governor::journal
