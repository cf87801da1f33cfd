// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace governor::docker {

/// One request and its answer over a fresh connection to a unix socket. The answer's body is read piece by
/// piece, so that bounded bodies, endless event streams and exec's raw streams all take the same road.
/// Chunked, content-length and until-close bodies.
///
/// Lives in the frame of the coroutine that uses it; its destructor closes the socket. One thread, one
/// operation at a time, in the order connect, send, read_header, read_body…. Operations return an error_code
/// (beast::error::timeout past the deadline) and throw only when the calling coroutine is cancelled between
/// two of them.
class HttpConnection {
  public:
    using Clock = std::chrono::steady_clock;
    using ErrorCode = boost::system::error_code;

    explicit HttpConnection(const boost::asio::any_io_executor& executor);

    /// Applies to all operations that start after it.
    void expires_at(Clock::time_point deadline);
    void expires_after(std::chrono::milliseconds limit) { expires_at(Clock::now() + limit); }

    boost::asio::awaitable<ErrorCode> connect(std::string socket_path);
    /// `body` is JSON, or empty. Returns when the whole request is in the kernel's hands.
    boost::asio::awaitable<ErrorCode> send(std::string method, std::string target, std::string body);
    boost::asio::awaitable<ErrorCode> read_header();
    /// The HTTP status; valid after read_header.
    int status() const;
    /// Reads what is there, at least one byte unless the body ends; then chunk() is empty.
    boost::asio::awaitable<ErrorCode> read_body();
    /// What the last read_body() read; valid until the next one.
    std::string_view chunk() const { return {chunk_.data(), chunk_size_}; }

  private:
    bool expired() const { return Clock::now() >= deadline_; }

    static constexpr std::size_t kChunkSize = 16UL << 10U;

    boost::beast::basic_stream<boost::asio::local::stream_protocol> stream_;
    boost::beast::flat_buffer buffer_;
    boost::beast::http::response_parser<boost::beast::http::buffer_body> parser_;
    std::array<char, kChunkSize> chunk_{};
    std::size_t chunk_size_ = 0;
    Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace governor::docker
