// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_engine.hpp"

#include <stdlib.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace governor::test {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::as_tuple;

namespace {

constexpr std::size_t kSmallChunk = 7;

std::string make_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fake-engine-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    return pattern;
}

std::string path_of(std::string_view target) {
    return std::string(target.substr(0, target.find('?')));
}

std::string head(int status, std::string_view framing) {
    return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Type: application/json\r\n" +
           std::string(framing) + "\r\n";
}

std::string chunk(std::string_view bytes) {
    std::ostringstream text;
    text << std::hex << bytes.size() << "\r\n" << bytes << "\r\n";
    return text.str();
}

std::string whole_answer(const Reply& reply) {
    switch (reply.kind) {
        case Reply::Kind::kContentLength:
            if (reply.status == 204 || reply.status == 304) return head(reply.status, "");
            return head(reply.status, "Content-Length: " + std::to_string(reply.body.size()) + "\r\n") +
                   reply.body;
        case Reply::Kind::kChunked: {
            std::string answer = head(reply.status, "Transfer-Encoding: chunked\r\n");
            for (std::size_t at = 0; at < reply.body.size(); at += kSmallChunk) {
                answer += chunk(std::string_view(reply.body).substr(at, kSmallChunk));
            }
            return answer + chunk("");
        }
        case Reply::Kind::kUntilClose:
            return head(reply.status, "") + reply.body;
        case Reply::Kind::kRaw:
            return reply.body;
        case Reply::Kind::kStream:
        case Reply::Kind::kEndless:
            return head(reply.status, "Transfer-Encoding: chunked\r\n");
        case Reply::Kind::kNever:
            return "";
    }
    return "";
}

/// The pieces are small: they fit the socket's buffer, and a client that is gone is no error of the test's.
void write_now(asio::local::stream_protocol::socket& socket, std::string_view bytes) {
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(bytes.data(), bytes.size()), ignored);
}

}  // namespace

FakeEngine::FakeEngine(asio::io_context& io)
    : io_(io), folder_(make_folder()), socket_path_(folder_ + "/docker.sock"), acceptor_(io, socket_path_) {
    asio::co_spawn(io_, accept(), asio::detached);
}

FakeEngine::~FakeEngine() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    std::error_code also_ignored;
    std::filesystem::remove_all(folder_, also_ignored);
}

void FakeEngine::on(const std::string& method, const std::string& path, Reply reply) {
    replies_[method + " " + path].push_back(std::move(reply));
}

void FakeEngine::forget(const std::string& method, const std::string& path) {
    replies_.erase(method + " " + path);
}

std::size_t FakeEngine::count(std::string_view method, std::string_view path) const {
    const auto matches = [method, path](const Request& request) {
        return request.method == method && path_of(request.target) == path;
    };
    return static_cast<std::size_t>(std::count_if(requests_.begin(), requests_.end(), matches));
}

void FakeEngine::stop_listening() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

void FakeEngine::feed(std::string_view bytes) {
    write_now(*stream_, chunk(bytes));
}

void FakeEngine::end_stream() {
    write_now(*stream_, chunk(""));
    stream_->close();
}

void FakeEngine::cut_stream(std::string_view last_bytes) {
    // The length promises more than will come.
    if (!last_bytes.empty()) write_now(*stream_, "fff\r\n" + std::string(last_bytes));
    stream_->close();
}

Reply FakeEngine::reply_to(const Request& request) {
    const auto found = replies_.find(request.method + " " + path_of(request.target));
    if (found == replies_.end()) return Reply::json(R"({"message":"page not found"})", 404);
    Reply reply = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    return reply;
}

asio::awaitable<void> FakeEngine::accept() {
    for (;;) {
        auto socket = std::make_shared<Socket>(io_);
        const auto [code] = co_await acceptor_.async_accept(*socket, as_tuple(asio::use_awaitable));
        if (code) co_return;
        asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
    }
}

asio::awaitable<void> FakeEngine::serve(std::shared_ptr<Socket> socket) {
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> message;
    const auto [code, size] =
        co_await http::async_read(*socket, buffer, message, as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    if (code) co_return;
    Request request{std::string(message.method_string()), std::string(message.target()), message.body()};
    Reply reply = reply_to(request);
    requests_.push_back(std::move(request));
    co_await send(std::move(socket), std::move(reply));
}

asio::awaitable<void> FakeEngine::send(std::shared_ptr<Socket> socket, Reply reply) {
    const std::string answer = whole_answer(reply);
    const auto [code, size] =
        co_await asio::async_write(*socket, asio::buffer(answer), as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    if (code) co_return;
    if (reply.kind == Reply::Kind::kNever) held_.push_back(socket);
    if (reply.kind == Reply::Kind::kStream) {
        stream_ = socket;
        held_.push_back(socket);
        ++streams_opened_;
    }
    if (reply.kind == Reply::Kind::kEndless) co_await send_endless(std::move(socket));
}

asio::awaitable<void> FakeEngine::send_endless(std::shared_ptr<Socket> socket) {
    const std::string piece = chunk(std::string(4096, 'x'));
    for (;;) {
        const auto [code, size] =
            co_await asio::async_write(*socket, asio::buffer(piece), as_tuple(asio::use_awaitable));
        static_cast<void>(size);
        if (code) co_return;
    }
}

}  // namespace governor::test
