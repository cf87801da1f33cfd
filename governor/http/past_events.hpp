// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/docker_message.hpp"
#include "governor/journal/event_store.hpp"
#include "governor/publish/publisher.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace governor::http {

/// What the governor told before somebody asked, in Docker's form. Loop's thread only.
class PastEvents {
  public:
    using Time = std::chrono::system_clock::time_point;

    PastEvents() = default;
    PastEvents(const PastEvents&) = delete;
    PastEvents& operator=(const PastEvents&) = delete;
    virtual ~PastEvents() = default;
    /// Those between the two times, both included, in the order in which they were told. May wait (for a
    /// disk), never without a limit; what cannot be read is left out.
    virtual boost::asio::awaitable<std::vector<StreamedEvent>> between(Time from, Time until,
                                                                       DaemonName daemon) = 0;
};

/// Those that the publisher keeps in memory: the last ones since the start, with all labels of their
/// containers. The publisher must outlive this.
class KeptEvents final : public PastEvents {
  public:
    explicit KeptEvents(const publish::Publisher& publisher) : publisher_(publisher) {}
    boost::asio::awaitable<std::vector<StreamedEvent>> between(Time from, Time until,
                                                               DaemonName daemon) override;

  private:
    const publish::Publisher& publisher_;
};

/// Those of the journal, over restarts of the governor, and what is in memory beside them. The journal keeps
/// no labels: an event that is in it only has Compose's own (compose_labels()). Both must outlive this.
class JournalEvents final : public PastEvents {
  public:
    struct Limits {
        std::size_t events = 5'000;               ///< the newest so many
        std::chrono::milliseconds patience{5'000};  ///< with the disk; then memory must do
    };
    JournalEvents(const publish::Publisher& publisher, journal::EventStore& store, Limits limits)
        : kept_(publisher), store_(store), limits_(limits) {}
    JournalEvents(const publish::Publisher& publisher, journal::EventStore& store)
        : JournalEvents(publisher, store, Limits{}) {}
    boost::asio::awaitable<std::vector<StreamedEvent>> between(Time from, Time until,
                                                               DaemonName daemon) override;

  private:
    KeptEvents kept_;
    journal::EventStore& store_;
    Limits limits_;
};

}  // namespace governor::http
