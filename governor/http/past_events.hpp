// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/publish/publisher.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <vector>

namespace governor::http {

/// What the governor told before somebody asked. Loop's thread only.
class PastEvents {
  public:
    PastEvents() = default;
    PastEvents(const PastEvents&) = delete;
    PastEvents& operator=(const PastEvents&) = delete;
    virtual ~PastEvents() = default;
    /// Those between the two times, both included, in the order in which they were told. May wait (for a
    /// disk), never without a limit; what cannot be read is left out.
    virtual boost::asio::awaitable<std::vector<publish::PublishedPtr>> between(
        std::chrono::system_clock::time_point from, std::chrono::system_clock::time_point until) = 0;
};

/// Those that the publisher keeps in memory. It must outlive this.
class KeptEvents final : public PastEvents {
  public:
    explicit KeptEvents(const publish::Publisher& publisher) : publisher_(publisher) {}
    boost::asio::awaitable<std::vector<publish::PublishedPtr>> between(
        std::chrono::system_clock::time_point from, std::chrono::system_clock::time_point until) override;

  private:
    const publish::Publisher& publisher_;
};

}  // namespace governor::http
