// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"
#include "governor/publish/publisher.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace governor::http {

/// The events that one request asks for, oldest first, none missing and none twice: what the journal has,
/// then what the Publisher keeps (which is newer, and may not be stored yet), then, when it follows, each as
/// it comes. One reader at a time; loop's thread only. Publisher and store must outlive it.
class EventFeed {
  public:
    /// `store` may be null. `wake` is called when next() has something again. `query.newest`: the last
    /// thousand, else all.
    EventFeed(publish::Publisher& publisher, journal::EventStore* store, journal::Query query, bool follow,
              std::function<void()> wake);

    /// The next events as JSON lines. Empty: none now; see complete() and overrun(), or wait for `wake`.
    boost::asio::awaitable<std::string> next();
    /// All were given, and no more are wanted.
    bool complete() const { return !follow_ && in_memory_; }
    /// The reader fell so far behind that events were lost: it should be disconnected.
    bool overrun() const { return subscription_ && subscription_->overrun(); }

  private:
    boost::asio::awaitable<std::string> from_store();
    std::string from_memory();
    std::uint64_t memory_begins() const;

    publish::Publisher& publisher_;
    journal::EventStore* store_;
    journal::Query query_;  ///< `after` moves along
    bool follow_;
    std::function<void()> wake_;
    bool in_memory_ = false;  ///< the store's part is over
    std::shared_ptr<publish::Subscription> subscription_;
};

}  // namespace governor::http
