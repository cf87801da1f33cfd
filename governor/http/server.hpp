// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/control_api.hpp"
#include "governor/journal/delivery.hpp"
#include "governor/publish/publisher.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <tl/expected.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace governor::http {

class DockerApi;

struct ServerOptions {
    std::string path;                                 ///< of the unix socket
    std::size_t max_connections = 64;                 ///< further ones are told 503 and closed
    std::size_t max_header = 8UL << 10U;              ///< bytes
    std::size_t max_body = 64UL << 10U;               ///< bytes
    std::chrono::milliseconds read_timeout{10'000};   ///< for a whole request
    std::chrono::milliseconds write_timeout{10'000};  ///< for an answer, or for one event of a stream
    /// The text of GET /metrics; absent: there are none.
    std::function<std::shared_ptr<const std::string>()> metrics;
    /// What GET /v1/undelivered lists; null: nothing. Must outlive run().
    journal::DeadLetters* dead = nullptr;
};

/// The control socket: HTTP over a unix socket, one request per connection. docs/command-line.md lists the
/// paths. Loop thread only. The ControlApi, the Publisher and the store must outlive run(); without a store
/// only the events that the Publisher keeps are served.
class Server {
  public:
    /// `docker` serves the paths of Docker's API and must outlive run() too; without it they are unknown.
    Server(boost::asio::any_io_executor executor, ServerOptions options, ControlApi& api,
           publish::Publisher& publisher, journal::EventStore* store = nullptr, DockerApi* docker = nullptr);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Takes the socket; connections wait in its queue until run(). The error is a sentence for a person.
    tl::expected<void, std::string> open();

    /// Serves until the coroutine is cancelled or stop() is called; then closes all connections, waits for
    /// their ends (at most 2 s), and removes the socket file. Requires open(). Does not throw.
    boost::asio::awaitable<void> run();
    /// Makes run() return soon. Harmless when it does not run.
    void stop();

    std::size_t connections() const;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace governor::http
