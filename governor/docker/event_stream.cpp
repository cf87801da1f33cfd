// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/event_stream.hpp"

#include "governor/docker/http_connection.hpp"
#include "governor/docker/url.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <utility>

namespace governor::docker {

namespace asio = boost::asio;
using Clock = HttpConnection::Clock;

namespace {

constexpr const char* kOperation = "follow Docker's events";
constexpr int kOk = 200;
constexpr std::size_t kMaxErrorBody = 4096;

}  // namespace

EventStream::EventStream(Client& client, EventStreamOptions options)
    : client_(client),
      options_(std::move(options)),
      resume_point_(options_.since),
      backoff_(options_.backoff_from, options_.backoff_to) {}

asio::awaitable<void> EventStream::run(std::reference_wrapper<EventHandler> handler) {
    try {
        co_await run_until_cancelled(handler);
    } catch (const boost::system::system_error& error) {
        // The one way out: Asio throws this from the first co_await after the cancellation.
        if (error.code() != asio::error::operation_aborted) throw;
    }
}

asio::awaitable<void> EventStream::run_until_cancelled(std::reference_wrapper<EventHandler> handler) {
    asio::steady_timer timer(client_.executor());
    for (;;) {
        const Clock::time_point begin = Clock::now();
        const Error reason = co_await session(handler);
        if (reason.kind == Error::Kind::kCancelled) co_return;
        // By its duration and not by its success: an engine that accepts and closes at once must not be asked
        // ten times a second.
        if (Clock::now() - begin >= options_.backoff_to) backoff_.reset();
        const std::chrono::milliseconds delay = backoff_.next();
        handler.get().on_disconnected(reason, delay);
        timer.expires_after(delay);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

std::string EventStream::target() const {
    const auto since = resume_point_.since();
    std::string target = client_.api_prefix() + "/events";
    if (options_.on_line) return since ? target + "?since=" + format_since(*since) : target;
    target += "?filters=" + percent_encode(filters_json("type", {"container", "network"}));
    if (since) target += "&since=" + format_since(*since);
    return target;
}

void EventStream::deliver(std::string_view line, EventHandler& handler) {
    const auto event = parse_event(line);
    // One bad line must not end the stream: after a resume the engine would send it again, for ever.
    if (!event || event->action.empty()) {
        ++malformed_lines_;
        return;
    }
    if (!resume_point_.accept(*event)) {
        ++duplicates_;
        return;
    }
    if (options_.on_line) options_.on_line(*event, line);
    if (event->type == "container") handler.on_event(*event);
}

asio::awaitable<Error> EventStream::session(std::reference_wrapper<EventHandler> handler) {
    if (was_connected_ || client_.api_version().empty()) {
        auto version = co_await client_.negotiate();
        if (!version) co_return version.error();
    }
    HttpConnection connection(client_.executor());
    connection.expires_after(options_.connect_timeout);
    auto code = co_await connection.connect(client_.socket_path());
    if (!code) code = co_await connection.send("GET", target(), "");
    if (!code) code = co_await connection.read_header();
    if (code) co_return transport_error(code, kOperation, client_.socket_path());
    if (connection.status() != kOk) {
        std::string body;
        while (body.size() < kMaxErrorBody) {
            code = co_await connection.read_body();
            if (code || connection.chunk().empty()) break;
            body += connection.chunk();
        }
        co_return status_error(connection.status(), body, kOperation);
    }

    handler.get().on_connected(was_connected_);
    was_connected_ = true;
    LineSplitter lines(options_.max_line);
    for (;;) {
        connection.expires_after(options_.idle_timeout);
        code = co_await connection.read_body();
        lines.feed(connection.chunk());
        while (const auto line = lines.next()) deliver(*line, handler);
        if (!code && !connection.chunk().empty()) continue;
        malformed_lines_ += lines.dropped_lines();
        if (!code) code = asio::error::eof;
        co_return transport_error(code, kOperation, client_.socket_path());
    }
}

}  // namespace governor::docker
