// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/types.hpp"
#include "governor/http/docker_filter.hpp"
#include "governor/http/docker_message.hpp"
#include "governor/publish/publisher.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace governor::http {

using StreamedEventPtr = std::shared_ptr<const StreamedEvent>;

/// How far one reader may be behind.
struct FeedLimits {
    std::size_t events = 1024;
    std::size_t bytes = 4UL << 20U;  ///< of the waiting lines
};

/// The new events for one reader. Lives as long as the reader holds it; loop's thread only.
class FeedReader {
  public:
    /// Called when an event waits, or when the reader is overrun; must not call back into the feed.
    using Wake = std::function<void(bool overrun)>;

    /// The next event, or null when there is none now.
    StreamedEventPtr next();
    /// It fell further behind than it may: nothing more comes, it should be disconnected.
    bool overrun() const { return overrun_; }

  private:
    friend class DockerFeed;

    DockerFilter filter_;
    Wake wake_;
    std::deque<StreamedEventPtr> queue_;
    std::size_t bytes_ = 0;
    bool overrun_ = false;
};

/// Docker's events, as the engine sent them, and the governor's own in one stream, in the order in which they
/// come to the daemon. One subscription to the engine serves any number of readers, and each event is made
/// once for all of them; without readers nothing is made. Loop's thread only; the publisher must outlive it.
class DockerFeed {
  public:
    DockerFeed(publish::Publisher& publisher, DaemonName daemon, FeedLimits limits = {});

    /// For EventStreamOptions::on_line.
    void on_engine_event(const docker::Event& event, std::string_view line);

    /// What happens from now on and passes the filter.
    std::shared_ptr<FeedReader> join(DockerFilter filter, FeedReader::Wake wake);

    const DaemonName& daemon() const { return daemon_; }
    const FeedLimits& limits() const { return limits_; }

  private:
    void take_records();
    bool has_readers();
    void hand_out(const StreamedEventPtr& event);

    DaemonName daemon_;
    FeedLimits limits_;
    std::vector<std::weak_ptr<FeedReader>> readers_;
    std::shared_ptr<publish::Subscription> records_;
};

}  // namespace governor::http
