// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/client.hpp"
#include "governor/http/connection.hpp"
#include "governor/http/docker_feed.hpp"
#include "governor/http/docker_route.hpp"
#include "governor/http/past_events.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace governor::http {

/// A request in Docker's own language.
struct DockerCall {
    std::string method;
    std::string target;  ///< path and query, percent-encoded
    int version = 11;    ///< of HTTP: 10 or 11
};

/// The part of Docker's Engine API that the control socket offers: `/_ping`, `/version` and `/events`, with
/// Docker's events and the governor's own in one stream, so that any client of Docker reads them unchanged.
/// docs/events.md describes it. Loop's thread only. What Parts refers to must outlive all calls.
class DockerApi {
  public:
    struct Parts {
        docker::Client& engine;
        DockerFeed& feed;
        PastEvents& past;
        publish::EventSink& sink;  ///< is told of readers that were dropped
        std::function<WallTime()> clock;
        std::string engine_version;  ///< "26.1.5"
        /// For each of the two questions to the engine; it may hang, and the governor's own events must not
        /// wait for it longer.
        std::chrono::milliseconds engine_timeout{5'000};
    };
    explicit DockerApi(Parts parts) : parts_(std::move(parts)) {}

    /// Answers one request; the caller closes the stream. `write_timeout` is that of each write.
    boost::asio::awaitable<void> serve(std::shared_ptr<ControlStream> stream, DockerCall call,
                                       std::chrono::milliseconds write_timeout);

  private:
    struct Answer;
    struct Session;

    std::string head_fields() const;
    boost::asio::awaitable<void> answer(std::shared_ptr<ControlStream> stream, Answer answer,
                                        std::chrono::milliseconds timeout);
    boost::asio::awaitable<std::string> version_body();
    boost::asio::awaitable<void> stream_events(std::shared_ptr<ControlStream> stream, EventQuery query,
                                               int version, std::chrono::milliseconds timeout);
    boost::asio::awaitable<std::vector<StreamedEventPtr>> find_past(EventQuery query);
    boost::asio::awaitable<std::vector<StreamedEventPtr>> find_engine_past(EventQuery query, WallTime until);
    boost::asio::awaitable<bool> send_past(std::shared_ptr<Session> session,
                                           std::vector<StreamedEventPtr> past);
    boost::asio::awaitable<bool> send_live(std::shared_ptr<Session> session);
    void tell_dropped(const Session& session);

    Parts parts_;
};

}  // namespace governor::http
