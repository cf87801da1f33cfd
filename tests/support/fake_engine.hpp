// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace governor::test {

/// What the fake engine does when a request comes.
struct Reply {
    enum class Kind {
        kContentLength,  ///< a whole answer with its length
        kChunked,        ///< a whole answer in chunks of a few bytes
        kUntilClose,     ///< without a length, as exec's raw stream
        kRaw,            ///< `body` is sent as it is, garbage included, and the connection closed
        kNever,          ///< the connection stays open, nothing is sent
        kEndless,        ///< a body without an end
        kStream,         ///< chunked; the test feeds it
    };
    Kind kind = Kind::kContentLength;
    int status = 200;
    std::string body;

    static Reply json(std::string body, int status = 200) {
        return {Kind::kContentLength, status, std::move(body)};
    }
    static Reply chunked(std::string body) { return {Kind::kChunked, 200, std::move(body)}; }
    static Reply until_close(std::string body) { return {Kind::kUntilClose, 200, std::move(body)}; }
    static Reply raw(std::string bytes) { return {Kind::kRaw, 0, std::move(bytes)}; }
    static Reply never() { return {Kind::kNever, 0, ""}; }
    static Reply endless() { return {Kind::kEndless, 200, ""}; }
    static Reply stream() { return {Kind::kStream, 200, ""}; }
};

struct Request {
    std::string method;
    std::string target;
    std::string body;
};

/// A Docker Engine made of scripted replies, on a unix socket in a folder of its own, on the test's
/// io_context. Destroy it before the io_context; it must outlive the loop's runs.
class FakeEngine {
  public:
    explicit FakeEngine(boost::asio::io_context& io);
    ~FakeEngine();
    FakeEngine(const FakeEngine&) = delete;
    FakeEngine& operator=(const FakeEngine&) = delete;

    const std::string& socket_path() const { return socket_path_; }

    /// The reply to `method` and `path`, the target without its query. Given more than once, the replies come
    /// one after the other and the last one stays. Without any, the answer is 404.
    void on(const std::string& method, const std::string& path, Reply reply);
    /// Forgets the replies for a path.
    void forget(const std::string& method, const std::string& path);

    /// All requests so far, in order.
    const std::vector<Request>& requests() const { return requests_; }
    std::size_t count(std::string_view method, std::string_view path) const;

    /// Nobody listens any more, as after a crash: the socket's file stays.
    void stop_listening();

    // The newest kStream connection.
    std::size_t streams_opened() const { return streams_opened_; }
    /// Sends `bytes` as one chunk.
    void feed(std::string_view bytes);
    /// Ends the body properly.
    void end_stream();
    /// Closes it in the middle of a chunk.
    void cut_stream(std::string_view last_bytes = "");

  private:
    using Socket = boost::asio::local::stream_protocol::socket;

    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(std::shared_ptr<Socket> socket);
    boost::asio::awaitable<void> send(std::shared_ptr<Socket> socket, Reply reply);
    boost::asio::awaitable<void> send_endless(std::shared_ptr<Socket> socket);
    Reply reply_to(const Request& request);

    boost::asio::io_context& io_;
    std::string folder_;
    std::string socket_path_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    std::map<std::string, std::deque<Reply>> replies_;
    std::vector<Request> requests_;
    /// Those that must stay open.
    std::vector<std::shared_ptr<Socket>> held_;
    std::shared_ptr<Socket> stream_;
    std::size_t streams_opened_ = 0;
};

}  // namespace governor::test
