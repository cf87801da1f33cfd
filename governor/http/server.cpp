// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/server.hpp"

#include "governor/http/connection.hpp"
#include "governor/http/control_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace governor::http {

namespace asio = boost::asio;
using asio::as_tuple;
using ErrorCode = boost::system::error_code;
using Protocol = asio::local::stream_protocol;

namespace {

constexpr std::chrono::seconds kDrainTime{2};
/// After a failed accept (no descriptors left): trying again at once would only burn the CPU.
constexpr std::chrono::milliseconds kAcceptPause{100};

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: "
    "close\r\nContent-Length: 58\r\n\r\n"
    "{\"error\":\"too many connections to the governor's socket\"}\n";

/// A new connection's send buffer is empty, so this does not block.
void refuse(Protocol::socket& socket) {
    ErrorCode ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kBusy), ignored);
}

}  // namespace

/// Held by the connections too: their frames may end after the Server, when the loop is torn down.
struct Server::Impl {
    Impl(asio::any_io_executor executor_in, ServerOptions options_in, ControlApi& api_in,
         publish::Publisher& publisher_in, journal::EventStore* store_in, DockerApi* docker_in)
        : executor(std::move(executor_in)),
          options(std::move(options_in)),
          api(api_in),
          publisher(publisher_in),
          store(store_in),
          docker(docker_in),
          acceptor(executor),
          pause(executor) {}

    asio::any_io_executor executor;
    ServerOptions options;
    ControlApi& api;
    publish::Publisher& publisher;
    journal::EventStore* store;
    DockerApi* docker;
    Protocol::acceptor acceptor;
    std::optional<ControlSocket> socket;
    asio::steady_timer pause;
    std::set<std::shared_ptr<ControlStream>> streams;
    bool stopping = false;

    void close_socket();
    static asio::awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<ControlStream> stream);
    static asio::awaitable<void> accept_all(std::shared_ptr<Impl> self);
    static asio::awaitable<void> drain(std::shared_ptr<Impl> self);
};

/// The file first: as long as the socket is open, nobody else's file can have its inode.
void Server::Impl::close_socket() {
    ErrorCode ignored;
    socket.reset();
    acceptor.close(ignored);
}

asio::awaitable<void> Server::Impl::serve(std::shared_ptr<Impl> self, std::shared_ptr<ControlStream> stream) {
    co_await serve_connection(
        stream, ConnectionContext{self->options, self->api, self->publisher, self->store, self->docker});
    self->streams.erase(stream);
    if (self->stopping) self->pause.cancel();
}

asio::awaitable<void> Server::Impl::accept_all(std::shared_ptr<Impl> self) {
    while (!self->stopping) {
        auto [code, socket] = co_await self->acceptor.async_accept(as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none || self->stopping) co_return;
        if (code) {
            self->pause.expires_after(kAcceptPause);
            co_await self->pause.async_wait(as_tuple(asio::use_awaitable));
        } else if (self->streams.size() >= self->options.max_connections) {
            refuse(socket);
        } else {
            auto stream = std::make_shared<ControlStream>(std::move(socket));
            self->streams.insert(stream);
            asio::co_spawn(self->executor, serve(self, stream), asio::detached);
        }
    }
}

asio::awaitable<void> Server::Impl::drain(std::shared_ptr<Impl> self) {
    self->stopping = true;
    self->close_socket();
    for (const auto& stream : self->streams) stream->close();
    const auto deadline = asio::steady_timer::clock_type::now() + kDrainTime;
    while (!self->streams.empty() && asio::steady_timer::clock_type::now() < deadline) {
        self->pause.expires_at(deadline);
        co_await self->pause.async_wait(as_tuple(asio::use_awaitable));
    }
}

Server::Server(asio::any_io_executor executor, ServerOptions options, ControlApi& api,
               publish::Publisher& publisher, journal::EventStore* store, DockerApi* docker)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options), api, publisher, store, docker)) {}

Server::~Server() {
    impl_->stopping = true;
    impl_->close_socket();
    for (const auto& stream : impl_->streams) stream->close();
}

tl::expected<void, std::string> Server::open() {
    auto socket = ControlSocket::listen(impl_->options.path);
    if (!socket) return tl::make_unexpected(std::move(socket.error()));
    ErrorCode code;
    impl_->acceptor.assign(Protocol(), socket->release_fd(), code);
    if (code) return tl::make_unexpected("cannot listen on " + impl_->options.path + ": " + code.message());
    impl_->socket.emplace(std::move(*socket));
    return {};
}

asio::awaitable<void> Server::run() {
    // The members' frames hold the Impl; `this` is not used after the first suspension.
    const auto self = impl_;
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    co_await Impl::accept_all(self);
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await Impl::drain(self);
}

void Server::stop() {
    impl_->stopping = true;
    ErrorCode ignored;
    impl_->acceptor.cancel(ignored);
    impl_->pause.cancel();
}

std::size_t Server::connections() const {
    return impl_->streams.size();
}

}  // namespace governor::http
