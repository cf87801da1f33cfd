// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/publish/record.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace governor::publish {

class LineWriter;

/// A record with its number, its time and its JSON text, made once and shared by all who show it.
struct Published {
    Record record;
    std::string json;  ///< one line, without a newline
};
using PublishedPtr = std::shared_ptr<const Published>;

/// Which records are wanted. Empty fields match all.
struct Filter {
    std::string service;             ///< service, project/service, or the container's name
    std::vector<std::string> types;  ///< any of them
    std::uint64_t since = 0;         ///< records with a greater sequence

    bool matches(const Record& record) const;
};

/// The new records for one reader. Lives as long as the reader holds it; loop thread only.
class Subscription {
  public:
    /// The next record, or null when there is none now.
    PublishedPtr next();
    /// The reader fell so far behind that records were lost: nothing more comes, the reader should be
    /// disconnected.
    bool overrun() const { return overrun_; }

  private:
    friend class Publisher;

    Filter filter_;
    std::function<void()> wake_;
    std::deque<PublishedPtr> queue_;
    bool overrun_ = false;
};

/// Numbers and times the records, writes them to the log, keeps the last ones, and hands new ones to
/// subscribers. Loop thread only. The line writer, when there is one, must outlive it.
class Publisher final : public EventSink {
  public:
    using WallClock = std::function<std::chrono::system_clock::time_point()>;
    enum class Format : std::uint8_t { kJson, kText };
    struct Options {
        Format format = Format::kJson;       ///< of the log
        bool journal = false;                ///< the log's lines get entries for systemd's journal
        std::size_t keep = 1000;             ///< records for late readers
        std::size_t subscriber_queue = 256;  ///< records a subscriber may be behind
        /// Gives each record its id: greater than all before, over restarts too. Empty: 1, 2, 3, …
        std::function<std::uint64_t()> next_id;
        /// Takes each record for good (the journal); must not block. Empty: nowhere.
        std::function<void(const PublishedPtr&)> store;
    };

    /// `log` may be null: no log.
    Publisher(WallClock clock, LineWriter* log, Options options);

    void publish(const Record& record) override;
    /// Every record goes to `sink` too, numbered and timed, before publish() returns: none is ever missed, as
    /// a subscriber's may be. It must outlive the publisher.
    void also(EventSink& sink) { sinks_.push_back(&sink); }

    /// The kept records that match, oldest first; at most the last `limit`.
    std::vector<PublishedPtr> recent(const Filter& filter, std::size_t limit = SIZE_MAX) const;
    /// New records from now on. `wake` is called on the loop thread when the first one waits, or on overrun;
    /// it must not call back into the publisher.
    std::shared_ptr<Subscription> subscribe(Filter filter, std::function<void()> wake);
    /// Sequence of the oldest record that recent() can give; 0 before the first.
    std::uint64_t oldest_sequence() const { return kept_.empty() ? 0 : kept_.front()->record.sequence; }
    /// Sequence of the newest record; 0 before the first.
    std::uint64_t last_sequence() const { return sequence_; }

  private:
    void hand_out(const PublishedPtr& published);

    WallClock clock_;
    LineWriter* log_;
    Options options_;
    std::uint64_t sequence_ = 0;
    std::deque<PublishedPtr> kept_;
    std::vector<std::weak_ptr<Subscription>> subscribers_;
    std::vector<EventSink*> sinks_;
};

/// What a line writer with this format should put where lines were lost.
std::function<std::string(std::uint64_t)> gap_line(Publisher::Format format, Publisher::WallClock clock);

}  // namespace governor::publish
