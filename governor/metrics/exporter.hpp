// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/host_watch.hpp"
#include "governor/metrics/listener.hpp"
#include "governor/metrics/loop_lag.hpp"
#include "governor/metrics/snapshot.hpp"
#include "governor/reserve/keeper.hpp"
#include "governor/supervisor.hpp"

#include <tl/expected.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace governor::metrics {

/// Looks at what the daemon knows when somebody scrapes, and shows it. Loop's thread only.
class Exporter {
  public:
    struct Parts {
        boost::asio::any_io_executor loop;
        const Supervisor& supervisor;
        const reserve::Keeper& keeper;
        const HostWatch& host_watch;
        const Registry& registry;
        cgroups::Processes processes;
        Clock clock;
        std::chrono::system_clock::time_point started;
        std::function<std::optional<policies::Bytes>()> keep_free;  ///< host.keep_free as it is in force
        std::string proc = "/proc";
    };
    /// What `parts` refers to must outlive it. `listen`: over TCP too.
    Exporter(Parts parts, std::optional<boost::asio::ip::tcp::endpoint> listen);

    /// Takes the port, when there is one, and serves there. The error is a sentence for a person.
    tl::expected<void, std::string> open();

    /// The text for a scrape. One that is half a second old is good enough: scraping in a loop costs the
    /// governor nothing.
    SharedText text();

    Snapshot look() const;

  private:
    ContainerView view_of(const Supervisor::Entry& entry) const;

    Parts parts_;
    LoopLag lag_;
    std::unique_ptr<Listener> listener_;
    SharedText text_;
    policies::TimePoint made_at_{};
};

}  // namespace governor::metrics
