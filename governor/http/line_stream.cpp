// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/line_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <charconv>
#include <utility>

namespace governor::http {

namespace asio = boost::asio;

asio::awaitable<LineStream::ErrorCode> LineStream::begin(std::string fields) {
    waiting_ = chunked_ ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.0 200 OK\r\n";
    waiting_ += fields;
    if (chunked_) waiting_ += "Transfer-Encoding: chunked\r\n";
    waiting_ += "Connection: close\r\n\r\n";
    co_return co_await flush();
}

void LineStream::add(std::string_view line) {
    if (chunked_) {
        std::array<char, 2 * sizeof(std::size_t)> size{};
        const auto [end, code] = std::to_chars(size.data(), size.data() + size.size(), line.size() + 1, 16);
        static_cast<void>(code);
        waiting_.append(size.data(), end).append("\r\n");
    }
    waiting_.append(line).append("\n");
    if (chunked_) waiting_.append("\r\n");
}

asio::awaitable<LineStream::ErrorCode> LineStream::flush() {
    const std::string bytes = std::exchange(waiting_, {});
    stream_->expires_after(timeout_);
    const auto [code, size] =
        co_await asio::async_write(*stream_, asio::buffer(bytes), asio::as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    co_return code;
}

asio::awaitable<LineStream::ErrorCode> LineStream::end() {
    if (chunked_) waiting_ += "0\r\n\r\n";
    co_return co_await flush();
}

}  // namespace governor::http
