// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <tl/expected.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace governor::metrics {

/// The text that is shown, shared by all who are being sent it.
using SharedText = std::shared_ptr<const std::string>;

struct ListenerOptions {
    boost::asio::ip::tcp::endpoint address;           ///< port 0: any free one
    std::size_t max_connections = 8;                  ///< a further one is closed at once
    std::size_t max_header = 8UL << 10U;              ///< bytes
    std::chrono::milliseconds read_timeout{5'000};    ///< for a whole request
    std::chrono::milliseconds write_timeout{10'000};  ///< for a whole answer
};

/// `GET /metrics` over TCP and nothing else: no command, no name of a container is taken from there. One
/// request per connection; whoever is slow is cut off. Loop's thread only.
class Listener {
  public:
    /// `text` is called for each request.
    Listener(boost::asio::any_io_executor loop, ListenerOptions options, std::function<SharedText()> text);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    /// Takes the port, and serves until the object is destroyed. The error is a sentence for a person.
    tl::expected<void, std::string> open();

    /// What it listens on, after open().
    boost::asio::ip::tcp::endpoint address() const;
    std::size_t connections() const;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace governor::metrics
