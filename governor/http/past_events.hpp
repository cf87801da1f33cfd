// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/docker_message.hpp"
#include "governor/journal/event_store.hpp"
#include "governor/publish/publisher.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace governor::http {

/// Which past events somebody asked for.
struct PastQuery {
    using Time = std::chrono::system_clock::time_point;
    Time from;   ///< included
    Time until;  ///< included
    DaemonName daemon;
    std::function<bool(const docker::Event&)> wanted;  ///< what is not is never kept
};

/// What the governor told before somebody asked, in Docker's form. Loop's thread only; to put thousands of
/// events into that form takes long, so others have their turn on the loop meanwhile.
class PastEvents {
  public:
    PastEvents() = default;
    PastEvents(const PastEvents&) = delete;
    PastEvents& operator=(const PastEvents&) = delete;
    virtual ~PastEvents() = default;
    /// In the order in which they were told. May wait (for a disk), never without a limit; what cannot be
    /// read is left out.
    virtual boost::asio::awaitable<std::vector<StreamedEvent>> find(PastQuery query) = 0;
};

/// Those that the publisher keeps in memory: the last ones since the start, with all labels of their
/// containers. The publisher must outlive this.
class KeptEvents final : public PastEvents {
  public:
    explicit KeptEvents(const publish::Publisher& publisher) : publisher_(publisher) {}
    boost::asio::awaitable<std::vector<StreamedEvent>> find(PastQuery query) override;

  private:
    const publish::Publisher& publisher_;
};

/// Those of the journal, over restarts of the governor, and then those in memory. The journal keeps no labels:
/// an event that is in it only has Compose's own (compose_labels()). Both must outlive this.
class JournalEvents final : public PastEvents {
  public:
    struct Limits {
        std::size_t events = 5'000;                 ///< looked at: the newest so many
        std::chrono::milliseconds patience{5'000};  ///< with the disk; then memory must do
    };
    JournalEvents(const publish::Publisher& publisher, journal::EventStore& store, Limits limits)
        : publisher_(publisher), store_(store), limits_(limits) {}
    JournalEvents(const publish::Publisher& publisher, journal::EventStore& store)
        : JournalEvents(publisher, store, Limits{}) {}
    boost::asio::awaitable<std::vector<StreamedEvent>> find(PastQuery query) override;

  private:
    const publish::Publisher& publisher_;
    journal::EventStore& store_;
    Limits limits_;
};

}  // namespace governor::http
