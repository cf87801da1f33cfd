// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/listener.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <array>
#include <exception>
#include <set>
#include <string_view>
#include <utility>

namespace governor::metrics {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::as_tuple;
using ErrorCode = boost::system::error_code;
using Tcp = asio::ip::tcp;
using Stream = boost::beast::tcp_stream;

/// After a failed accept (no descriptors left): trying again at once would only burn the CPU.
constexpr std::chrono::milliseconds kAcceptPause{100};

struct Answer {
    std::string head;
    SharedText body;
};

Answer make_answer(std::string_view status, std::string_view more, SharedText body) {
    Answer out;
    out.head.append("HTTP/1.1 ").append(status).append("\r\nServer: governor/" GOVERNOR_VERSION "\r\n");
    out.head.append(more).append("Content-Length: ").append(std::to_string(body->size()));
    out.head.append("\r\nConnection: close\r\n\r\n");
    out.body = std::move(body);
    return out;
}

Answer make_refusal(std::string_view status, std::string_view more, std::string sentence) {
    return make_answer(status, std::string(more) + "Content-Type: text/plain; charset=utf-8\r\n",
                       std::make_shared<const std::string>(std::move(sentence) + "\n"));
}

Answer answer(const beast_http::request<beast_http::empty_body>& request,
              const std::function<SharedText()>& text) {
    const std::string_view target(request.target().data(), request.target().size());
    if (target.substr(0, target.find('?')) != "/metrics")
        return make_refusal("404 Not Found", {}, "there is nothing but /metrics here");
    if (request.method() != beast_http::verb::get)
        return make_refusal("405 Method Not Allowed", "Allow: GET\r\n", "/metrics takes GET only");
    // A mistake in an answer must not take the guard down with it.
    try {
        return make_answer("200 OK", "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", text());
    } catch (const std::exception& error) {
        return make_refusal("500 Internal Server Error", {},
                            std::string("the governor could not make this answer: ") + error.what());
    }
}

}  // namespace

/// Held by the connections too: their frames may end after the Listener, when the loop is torn down.
struct Listener::Impl {
    Impl(asio::any_io_executor loop_in, ListenerOptions options_in, std::function<SharedText()> text_in)
        : loop(std::move(loop_in)),
          options(std::move(options_in)),
          text(std::move(text_in)),
          acceptor(loop),
          pause(loop) {}

    asio::any_io_executor loop;
    ListenerOptions options;
    std::function<SharedText()> text;
    Tcp::acceptor acceptor;
    asio::steady_timer pause;
    std::set<std::shared_ptr<Stream>> streams;
    bool closed = false;

    void close();
    static asio::awaitable<void> talk(std::shared_ptr<Impl> self, std::shared_ptr<Stream> stream);
    static asio::awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Stream> stream);
    static asio::awaitable<void> accept_all(std::shared_ptr<Impl> self);
};

void Listener::Impl::close() {
    closed = true;
    ErrorCode ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (const auto& stream : streams) stream->close();
}

asio::awaitable<void> Listener::Impl::talk(std::shared_ptr<Impl> self, std::shared_ptr<Stream> stream) {
    boost::beast::flat_buffer buffer(self->options.max_header);
    beast_http::request_parser<beast_http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(self->options.max_header));
    stream->expires_after(self->options.read_timeout);
    const auto [code, size] =
        co_await beast_http::async_read_header(*stream, buffer, parser, as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    // What cannot be read as HTTP gets no answer: nobody is there who would understand one.
    if (code || self->closed) co_return;
    const Answer reply = answer(parser.get(), self->text);
    // The time is for all of it: a client that takes a byte a second does not keep the text for ever.
    stream->expires_after(self->options.write_timeout);
    const std::array<asio::const_buffer, 2> pieces{asio::buffer(reply.head), asio::buffer(*reply.body)};
    co_await asio::async_write(*stream, pieces, as_tuple(asio::use_awaitable));
}

asio::awaitable<void> Listener::Impl::serve(std::shared_ptr<Impl> self, std::shared_ptr<Stream> stream) {
    try {
        co_await talk(self, stream);
    } catch (const std::exception&) {
        // Out of memory, or cancelled: closing is the answer.
    }
    ErrorCode ignored;
    stream->socket().shutdown(Tcp::socket::shutdown_both, ignored);
    stream->close();
    self->streams.erase(stream);
}

asio::awaitable<void> Listener::Impl::accept_all(std::shared_ptr<Impl> self) {
    while (!self->closed) {
        auto [code, socket] = co_await self->acceptor.async_accept(as_tuple(asio::use_awaitable));
        if (self->closed) co_return;
        if (code) {
            self->pause.expires_after(kAcceptPause);
            co_await self->pause.async_wait(as_tuple(asio::use_awaitable));
        } else if (self->streams.size() < self->options.max_connections) {
            auto stream = std::make_shared<Stream>(std::move(socket));
            self->streams.insert(stream);
            asio::co_spawn(self->loop, serve(self, stream), asio::detached);
        }
    }
}

Listener::Listener(asio::any_io_executor loop, ListenerOptions options, std::function<SharedText()> text)
    : impl_(std::make_shared<Impl>(std::move(loop), std::move(options), std::move(text))) {}

Listener::~Listener() {
    impl_->close();
}

tl::expected<void, std::string> Listener::open() {
    const Tcp::endpoint& address = impl_->options.address;
    ErrorCode code;
    impl_->acceptor.open(address.protocol(), code);
    if (!code) impl_->acceptor.set_option(asio::socket_base::reuse_address(true), code);
    if (!code) impl_->acceptor.bind(address, code);
    if (!code) impl_->acceptor.listen(asio::socket_base::max_listen_connections, code);
    if (!code) {
        asio::co_spawn(impl_->loop, Impl::accept_all(impl_), asio::detached);
        return {};
    }
    return tl::make_unexpected("cannot listen for metrics on " + address.address().to_string() + " port " +
                               std::to_string(address.port()) + ": " + code.message() +
                               "; give --metrics-listen an address of this host and a free port");
}

Tcp::endpoint Listener::address() const {
    ErrorCode ignored;
    return impl_->acceptor.local_endpoint(ignored);
}

std::size_t Listener::connections() const {
    return impl_->streams.size();
}

}  // namespace governor::metrics
