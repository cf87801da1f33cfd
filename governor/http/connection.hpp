// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/control_api.hpp"
#include "governor/http/server.hpp"
#include "governor/journal/event_store.hpp"
#include "governor/publish/publisher.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include <memory>

namespace governor::http {

class DockerApi;

using ControlStream = boost::beast::basic_stream<boost::asio::local::stream_protocol>;

/// What a connection works with. The references outlive it.
struct ConnectionContext {
    const ServerOptions& options;
    ControlApi& api;
    publish::Publisher& publisher;
    journal::EventStore* store = nullptr;  ///< null: only what the Publisher keeps is served
    DockerApi* docker = nullptr;           ///< absent: Docker's paths are unknown
};

/// Serves one request and closes. To end it early, close the stream. Does not throw.
boost::asio::awaitable<void> serve_connection(std::shared_ptr<ControlStream> stream,
                                              ConnectionContext context);

}  // namespace governor::http
