// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/connection.hpp"

#include "governor/http/answer_within.hpp"
#include "governor/http/docker_api.hpp"
#include "governor/http/event_feed.hpp"
#include "governor/http/route.hpp"
#include "governor/publish/render.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <array>
#include <exception>
#include <utility>

namespace governor::http {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::as_tuple;
using ErrorCode = boost::system::error_code;
using Request = beast_http::request<beast_http::string_body>;
using Response = beast_http::response<beast_http::string_body>;

namespace {

constexpr int kHttp11 = 11;
/// The last undelivered events: enough to see what is wrong.
constexpr std::size_t kMostLetters = 1000;
/// With the journal's disk.
constexpr std::chrono::seconds kPatience{10};

std::string to_body(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Response make_response(int status, std::string body, const char* content_type = "application/json") {
    Response response(static_cast<beast_http::status>(status), kHttp11);
    response.set(beast_http::field::server, "governor/" GOVERNOR_VERSION);
    response.set(beast_http::field::content_type, content_type);
    response.keep_alive(false);
    response.body() = std::move(body);
    response.prepare_payload();
    return response;
}

Response make_error(int status, const std::string& message) {
    return make_response(status, to_body({{"error", message}}));
}

/// Why a request could not be read; nothing when there is nobody to tell.
std::optional<Response> response_to_broken(ErrorCode code) {
    if (code == beast_http::error::end_of_stream || code == asio::error::operation_aborted)
        return std::nullopt;
    if (code == beast_http::error::body_limit)
        return make_error(413, "the request's body is too large; no command needs one");
    if (code == beast_http::error::header_limit) return make_error(431, "the request's header is too large");
    if (code.category() == make_error_code(beast_http::error::bad_version).category()) {
        return make_error(400, "this is not HTTP: " + code.message());
    }
    return std::nullopt;
}

Reply ask(ControlApi& api, const Route& route) {
    switch (route.endpoint) {
        case Endpoint::kStatus:
            return api.status();
        case Endpoint::kExplain:
            return api.explain(route.service);
        case Endpoint::kRelease:
            return api.command("release", route.service);
        case Endpoint::kReload:
            return api.command("reload", {});
        case Endpoint::kVersion:
            return {200, {{"version", GOVERNOR_VERSION}}};
        case Endpoint::kEvents:
        case Endpoint::kMetrics:
        case Endpoint::kUndelivered:
            break;
    }
    return {500, {{"error", "this path is not served"}}};
}

Response answer(const ConnectionContext& context, const Route& route) {
    // A mistake in an answer must not take the guard down with it.
    try {
        if (route.endpoint == Endpoint::kMetrics && context.options.metrics)
            return make_response(200, *context.options.metrics(), "text/plain; version=0.0.4; charset=utf-8");
        const Reply reply = ask(context.api, route);
        return make_response(reply.status, to_body(reply.body));
    } catch (const std::exception& error) {
        return make_error(500, std::string("the governor could not make this answer: ") + error.what());
    }
}

/// Good, or why the events of this name cannot be given: it may mean services of several projects.
Response refuse_events(const ConnectionContext& context, const Route& route) {
    const std::string& service = route.query.service;
    const Reply reply = service.empty() ? Reply{} : context.api.command("resolve", service);
    return make_response(reply.status, to_body(reply.body));
}

asio::awaitable<void> send(std::shared_ptr<ControlStream> stream, Response response,
                           std::chrono::milliseconds timeout) {
    stream->expires_after(timeout);
    co_await beast_http::async_write(*stream, response, as_tuple(asio::use_awaitable));
}

/// Shared with the read that watches for the client's leaving.
struct Follow {
    explicit Follow(const asio::any_io_executor& executor) : wake(executor) {}
    asio::steady_timer wake;
    std::array<char, 1> byte{};
    bool left = false;
};

void watch_for_leaving(ControlStream& stream, const std::shared_ptr<Follow>& follow) {
    stream.expires_never();
    stream.async_read_some(asio::buffer(follow->byte), [follow](ErrorCode, std::size_t) {
        // Also when it says more: there is one request per connection.
        follow->left = true;
        follow->wake.cancel();
    });
}

asio::awaitable<ErrorCode> send_stream_header(std::shared_ptr<ControlStream> stream,
                                              std::chrono::milliseconds timeout) {
    beast_http::response<beast_http::empty_body> response(beast_http::status::ok, kHttp11);
    response.set(beast_http::field::server, "governor/" GOVERNOR_VERSION);
    response.set(beast_http::field::content_type, "application/x-ndjson");
    response.keep_alive(false);
    response.chunked(true);
    beast_http::response_serializer<beast_http::empty_body> serializer(response);
    stream->expires_after(timeout);
    const auto [code, size] =
        co_await beast_http::async_write_header(*stream, serializer, as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    co_return code;
}

asio::awaitable<ErrorCode> send_piece(std::shared_ptr<ControlStream> stream, std::string text,
                                      std::chrono::milliseconds timeout) {
    stream->expires_after(timeout);
    const auto [code, size] = co_await asio::async_write(*stream, beast_http::make_chunk(asio::buffer(text)),
                                                         as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    co_return code;
}

/// In pieces, because a journal may be larger than our memory.
asio::awaitable<void> stream_events(std::shared_ptr<ControlStream> stream, ConnectionContext context,
                                    Route route) {
    const auto timeout = context.options.write_timeout;
    const auto follow = std::make_shared<Follow>(stream->get_executor());
    EventFeed feed(context.publisher, context.store, std::move(route.query), route.follow,
                   [weak = std::weak_ptr(follow)] {
                       if (const auto alive = weak.lock()) alive->wake.cancel();
                   });
    if (co_await send_stream_header(stream, timeout)) co_return;
    watch_for_leaving(*stream, follow);
    while (!follow->left && !feed.overrun()) {
        std::string lines = co_await feed.next();
        if (!lines.empty()) {
            if (co_await send_piece(stream, std::move(lines), timeout)) co_return;
            continue;
        }
        if (feed.complete()) {
            stream->expires_after(timeout);
            co_await asio::async_write(*stream, beast_http::make_chunk_last(), as_tuple(asio::use_awaitable));
            co_return;
        }
        follow->wake.expires_at(asio::steady_timer::time_point::max());
        co_await follow->wake.async_wait(as_tuple(asio::use_awaitable));
    }
    // An overrun ends without the last chunk: the client sees that the stream is cut, not finished.
}

asio::awaitable<journal::DeadLetters::Letters> list_dead(asio::any_io_executor loop,
                                                         journal::DeadLetters& dead) {
    using Letters = journal::DeadLetters::Letters;
    return answer_within<Letters>(
        std::move(loop), kPatience,
        [&dead](std::function<void(Letters)> done) { dead.list_dead(kMostLetters, std::move(done)); },
        tl::make_unexpected(std::string("the journal does not answer: its disk hangs")));
}

std::string to_line(const journal::DeadLetter& letter) {
    auto event = nlohmann::json::parse(letter.json, nullptr, false);
    if (event.is_discarded()) event = nullptr;  // older than what the journal keeps
    return to_body({{"target", letter.target},
                    {"event_id", letter.event},
                    {"attempts", letter.attempts},
                    {"error", letter.error},
                    {"time", publish::rfc3339(letter.time)},
                    {"event", std::move(event)}});
}

asio::awaitable<void> send_undelivered(std::shared_ptr<ControlStream> stream, ConnectionContext context) {
    std::string lines;
    if (context.options.dead != nullptr) {
        const journal::DeadLetters::Letters letters =
            co_await list_dead(stream->get_executor(), *context.options.dead);
        if (!letters) {
            co_await send(stream, make_error(503, letters.error()), context.options.write_timeout);
            co_return;
        }
        for (const journal::DeadLetter& letter : *letters) lines += to_line(letter);
    }
    co_await send(stream, make_response(200, std::move(lines), "application/x-ndjson"),
                  context.options.write_timeout);
}

asio::awaitable<void> serve_request(std::shared_ptr<ControlStream> stream, ConnectionContext context) {
    boost::beast::flat_buffer buffer(context.options.max_header + context.options.max_body);
    beast_http::request_parser<beast_http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(context.options.max_header));
    parser.body_limit(context.options.max_body);
    stream->expires_after(context.options.read_timeout);
    const auto [code, size] =
        co_await beast_http::async_read(*stream, buffer, parser, as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    const auto timeout = context.options.write_timeout;
    if (code) {
        if (auto response = response_to_broken(code)) co_await send(stream, std::move(*response), timeout);
        co_return;
    }
    const Request& request = parser.get();
    const std::string target(request.target());
    if (context.docker != nullptr && is_docker_target(target)) {
        DockerCall call{std::string(request.method_string()), target, static_cast<int>(request.version())};
        co_await context.docker->serve(stream, std::move(call), timeout);
        co_return;
    }
    const auto route = find_route({request.method_string().data(), request.method_string().size()}, target);
    if (!route) {
        auto response = make_error(route.error().status, route.error().message);
        if (!route.error().allow.empty()) response.set(beast_http::field::allow, route.error().allow);
        co_await send(stream, std::move(response), timeout);
    } else if (route->endpoint == Endpoint::kEvents) {
        const Response refusal = refuse_events(context, *route);
        if (refusal.result() != beast_http::status::ok)
            co_await send(stream, refusal, timeout);
        else
            co_await stream_events(stream, context, *route);
    } else if (route->endpoint == Endpoint::kUndelivered) {
        co_await send_undelivered(stream, context);
    } else {
        co_await send(stream, answer(context, *route), timeout);
    }
}

}  // namespace

asio::awaitable<void> serve_connection(std::shared_ptr<ControlStream> stream, ConnectionContext context) {
    try {
        co_await serve_request(stream, context);
    } catch (const std::exception&) {
        // Out of memory, or cancelled: closing is the answer.
    }
    ErrorCode ignored;
    stream->socket().shutdown(asio::local::stream_protocol::socket::shutdown_both, ignored);
    stream->close();
}

}  // namespace governor::http
