// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/connection.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace governor::http {

/// An answer without an end, as lines: each is a chunk of its own, so that a client that reads chunk by chunk
/// gets whole events. A client of HTTP/1.0 knows no chunks and gets the bare lines until the connection
/// closes. Lives in the frame of the coroutine that answers.
class LineStream {
  public:
    using ErrorCode = boost::system::error_code;

    /// `version` is the request's: 10 or 11. `timeout` is that of each write.
    LineStream(std::shared_ptr<ControlStream> stream, int version, std::chrono::milliseconds timeout)
        : stream_(std::move(stream)), chunked_(version >= 11), timeout_(timeout) {}

    /// The head of the answer: the status line and `fields`, each ended with "\r\n".
    boost::asio::awaitable<ErrorCode> begin(std::string fields);
    /// Adds a line to those that flush() sends.
    void add(std::string_view line);
    std::size_t waiting() const { return waiting_.size(); }
    boost::asio::awaitable<ErrorCode> flush();
    /// Says that this was all. A stream that ends without it was cut.
    boost::asio::awaitable<ErrorCode> end();

  private:
    std::shared_ptr<ControlStream> stream_;
    bool chunked_;
    std::chrono::milliseconds timeout_;
    std::string waiting_;
};

}  // namespace governor::http
