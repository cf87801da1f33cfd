// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/http_connection.hpp"

#include <sys/un.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <utility>

namespace governor::docker {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::as_tuple;

namespace {
constexpr std::size_t kMaxHeader = 64UL << 10U;
constexpr int kHttp11 = 11;
}  // namespace

HttpConnection::HttpConnection(const asio::any_io_executor& executor)
    : stream_(executor), buffer_(kMaxHeader + kChunkSize) {
    parser_.header_limit(kMaxHeader);
    // The parser's own limit would cut event streams; those who collect a body count it themselves.
    parser_.body_limit(boost::none);
}

void HttpConnection::expires_at(Clock::time_point deadline) {
    deadline_ = deadline;
    stream_.expires_at(deadline);
}

asio::awaitable<HttpConnection::ErrorCode> HttpConnection::connect(std::string socket_path) {
    // The endpoint's constructor throws for a path that does not fit.
    if (socket_path.size() >= sizeof(sockaddr_un::sun_path)) {
        co_return make_error_code(boost::system::errc::filename_too_long);
    }
    const asio::local::stream_protocol::endpoint endpoint(socket_path);
    const auto [code] = co_await stream_.async_connect(endpoint, as_tuple(asio::use_awaitable));
    co_return code;
}

asio::awaitable<HttpConnection::ErrorCode> HttpConnection::send(std::string method, std::string target,
                                                                std::string body) {
    http::request<http::string_body> request;
    request.version(kHttp11);
    request.method_string(method);
    request.target(target);
    request.set(http::field::host, "docker");
    request.set(http::field::user_agent, "governor");
    request.set(http::field::connection, "close");
    const bool has_body = !body.empty();
    if (has_body) request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    if (has_body || method == "POST") request.prepare_payload();
    const auto [code, size] = co_await http::async_write(stream_, request, as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    co_return code;
}

asio::awaitable<HttpConnection::ErrorCode> HttpConnection::read_header() {
    const auto [code, size] =
        co_await http::async_read_header(stream_, buffer_, parser_, as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    co_return code;
}

int HttpConnection::status() const {
    return static_cast<int>(parser_.get().result_int());
}

asio::awaitable<HttpConnection::ErrorCode> HttpConnection::read_body() {
    chunk_size_ = 0;
    while (!parser_.is_done()) {
        // Beast's timer only wins over an operation that has to wait: against a peer that never stops
        // sending, every read is ready at once and the deadline would never come.
        if (expired()) co_return make_error_code(boost::beast::error::timeout);
        auto& body = parser_.get().body();
        body.data = chunk_.data();
        body.size = chunk_.size();
        body.more = true;
        const auto [code, size] =
            co_await http::async_read_some(stream_, buffer_, parser_, as_tuple(asio::use_awaitable));
        static_cast<void>(size);
        // The parser stopped because chunk_ is full: that is what a piece is.
        const bool failed = code && code != http::error::need_buffer;
        chunk_size_ = chunk_.size() - parser_.get().body().size;
        if (failed) co_return code;
        // A chunk's header alone brings no byte of the body.
        if (chunk_size_ > 0) break;
    }
    co_return ErrorCode();
}

}  // namespace governor::docker
