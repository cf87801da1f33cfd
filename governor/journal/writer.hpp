// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/inbox.hpp"
#include "governor/journal/journal.hpp"
#include "governor/journal/store.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace governor::journal {

/// Who on the loop is told what. Loop's thread only; cleared when the Journal goes.
struct Listeners {
    Tell tell;
    std::vector<std::weak_ptr<EventStore::Committed>> committed;

    void notify(std::uint64_t up_to);
};

/// The journal's thread, and the queue between it and the loop.
class Writer {
  public:
    Writer(boost::asio::any_io_executor loop, Options options, publish::Publisher::WallClock wall,
           std::shared_ptr<Listeners> listeners);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // -- For the loop's thread: none of these waits for the disk.
    /// The first opening was tried, or `limit` is over.
    void wait_opened(std::chrono::milliseconds limit);
    /// Ids up to this one may be in use by events that are stored already.
    std::uint64_t taken_ids() const { return taken_ids_; }
    /// So that a file that is opened later reserves above it.
    void handed_out(std::uint64_t id) { handed_out_ = id; }
    void append(publish::PublishedPtr event);
    Backlog backlog();
    void add(DeadLetter letter);
    void set_cursor(const std::string& name, std::uint64_t position);
    void keep_cursors(std::set<std::string> names);
    /// `request` runs on the journal's thread, after everything that was put in before was tried to be
    /// stored.
    void ask(std::function<void()> request);
    /// True: the thread has finished, or will at once. False: it is stuck, and posts nothing any more.
    bool close(std::chrono::milliseconds limit);

    // -- For the journal's thread, from within a request.
    Events read(const Query& query);
    std::uint64_t cursor(const std::string& name);
    DeadLetters::Letters dead(std::size_t limit);
    /// Runs it on the loop, unless the Journal has gone.
    void post(std::function<void()> handler);

    /// The thread's body.
    void run();

  private:
    using Clock = std::chrono::steady_clock;

    std::string path() const { return options_.folder + "/journal.db"; }
    Moment now() const { return std::chrono::floor<std::chrono::milliseconds>(wall_()); }
    /// The journal's own clock.
    Elapsed elapsed() const { return elapsed_at_opening_ + options_.uptime() - opened_at_; }
    bool wait_for_work();
    void open_store();
    void commit_all(bool even_degraded);
    void told_of_commit(std::uint64_t up_to, std::uint64_t lost);
    void serve();
    void trim_when_due();
    void fail(const sqlite::Error& error);
    bool start_anew(const sqlite::Error& error);
    void tell(std::string type, std::string detail);
    bool is_degraded();
    bool is_closing();

    const boost::asio::any_io_executor loop_;
    const Options options_;
    const publish::Publisher::WallClock wall_;
    const std::shared_ptr<Listeners> listeners_;
    std::atomic<std::uint64_t> taken_ids_{0};
    std::atomic<std::uint64_t> handed_out_{0};

    std::mutex mutex_;
    std::condition_variable changed_;
    Inbox inbox_;
    /// Not bounded by itself: a connection or a target waits for its answer before it asks again.
    std::deque<std::function<void()>> requests_;
    bool degraded_ = false;
    bool opened_ = false;
    bool closing_ = false;
    bool finished_ = false;
    bool abandoned_ = false;

    // The thread's own.
    std::optional<Store> store_;
    std::uint64_t newest_stored_ = 0;
    Clock::time_point retry_at_{};
    Clock::time_point trim_at_{};
    std::size_t since_trim_ = 0;  ///< events stored since
    std::optional<Clock::time_point> anew_at_;
    Elapsed elapsed_at_opening_{0};
    std::chrono::milliseconds opened_at_{0};
};

}  // namespace governor::journal
