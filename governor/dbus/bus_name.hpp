// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/control_api.hpp"
#include "governor/publish/publisher.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace governor::dbus {

/// The governor on the system bus: org.jobmate.Governor1 (docs/deployment.md). Optional: without a bus, or
/// when the bus' policy says no, there is a line in the log and another try later. A thread and a connection
/// of its own: whatever the bus does, the loop never waits for it. Loop's thread only.
class BusName {
  public:
    struct Options {
        std::string address;                          ///< empty: the system bus
        std::size_t queue = 1024;                     ///< events that the bus may be behind
        std::chrono::milliseconds retry_from{1'000};  ///< doubles with each failure …
        std::chrono::milliseconds retry_to{60'000};   ///< … up to this
        std::chrono::milliseconds patience{2'000};    ///< for the loop's answer to a caller
    };
    /// `api` must outlive it.
    BusName(boost::asio::any_io_executor loop, http::ControlApi& api, publish::Publisher& publisher,
            Options options);
    BusName(const BusName&) = delete;
    BusName& operator=(const BusName&) = delete;
    /// Gives the thread a second to end; one that hangs in a call to the bus is left behind.
    ~BusName();

    std::size_t waiting() const;
    std::uint64_t dropped() const;

  private:
    struct Shared;

    std::shared_ptr<Shared> shared_;  ///< outlives this object when the thread is left behind
    std::shared_ptr<publish::Subscription> events_;
    std::thread thread_;
};

}  // namespace governor::dbus
