// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/client.hpp"

#include "governor/docker/http_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>

#include <optional>
#include <utility>

namespace governor::http {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using LineHandler = std::function<bool(std::string_view)>;

/// The connection class is the Docker client's: both speak HTTP over a unix socket with a deadline.
using docker::HttpConnection;

struct Job {
    std::string socket_path;
    std::string method;
    std::string target;
    Client::Options options;
    LineHandler on_line;  ///< empty: the body is collected

    ErrorCode code;
    bool connected = false;
    bool too_large = false;
    Client::Answer answer;
};

bool hand_over_lines(std::string& pending, const LineHandler& on_line) {
    std::size_t begin = 0;
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
        if (!on_line(std::string_view(pending).substr(begin, end - begin))) return false;
        begin = end + 1;
    }
    pending.erase(0, begin);
    return true;
}

asio::awaitable<void> read_body(std::shared_ptr<HttpConnection> connection, std::shared_ptr<Job> job) {
    const bool stream = job->on_line && job->answer.status == 200;
    // Not expires_never: the connection's interface knows deadlines only, and a century is as good.
    if (stream) connection->expires_at(HttpConnection::Clock::now() + std::chrono::hours(24 * 365 * 100));
    std::string pending;
    while (true) {
        job->code = co_await connection->read_body();
        if (job->code || connection->chunk().empty()) break;
        auto& text = stream ? pending : job->answer.body;
        text += connection->chunk();
        job->too_large = text.size() > job->options.max_body;
        if (job->too_large) break;
        if (stream && !hand_over_lines(pending, job->on_line)) break;
    }
}

asio::awaitable<void> perform(std::shared_ptr<HttpConnection> connection, std::shared_ptr<Job> job) {
    connection->expires_after(job->options.timeout);
    job->code = co_await connection->connect(job->socket_path);
    if (job->code) co_return;
    job->connected = true;
    // A full server answers and closes without reading the request: sending fails then, and its answer is
    // there all the same.
    const auto sent = co_await connection->send(job->method, job->target, {});
    job->code = co_await connection->read_header();
    if (job->code && sent) job->code = sent;
    if (job->code) co_return;
    job->answer.status = connection->status();
    co_await read_body(connection, job);
}

std::string explain(const Job& job) {
    const std::string on = "cannot reach the governor on " + job.socket_path + ": ";
    if (job.too_large) return on + "its answer is too large";
    if (job.code == boost::system::errc::no_such_file_or_directory) {
        return on + "there is no such socket; does `governor run` run, and with this --socket?";
    }
    if (job.code == boost::system::errc::connection_refused) {
        return on + "nobody listens there; the governor has ended: see its log, start it again";
    }
    if (job.code == boost::system::errc::permission_denied) {
        return on + "permission denied; use sudo, or the group that owns the socket";
    }
    if (job.code == boost::beast::error::timeout) {
        return on + "no complete answer within " + std::to_string(job.options.timeout.count()) +
               "ms; it may hang: see its log";
    }
    if (job.code == boost::beast::http::error::partial_message ||
        job.code == boost::beast::http::error::end_of_stream ||
        job.code == boost::system::errc::connection_reset) {
        return job.on_line ? on + "the stream was cut: it stopped, or this reader was too slow; go on with "
                                  "--after <last id>"
                           : on + "it closed the connection before its answer was complete; is it stopping?";
    }
    return on + job.code.message();
}

tl::expected<Client::Answer, Client::Error> run_job(Job job_in) {
    asio::io_context loop;
    const auto job = std::make_shared<Job>(std::move(job_in));
    const auto connection = std::make_shared<HttpConnection>(loop.get_executor());
    asio::co_spawn(loop, perform(connection, job), asio::detached);
    loop.run();
    if (job->code || job->too_large) return tl::make_unexpected(explain(*job));
    return std::move(job->answer);
}

}  // namespace

Client::Client(std::string socket_path, Options options)
    : socket_path_(std::move(socket_path)), options_(options) {}

tl::expected<Client::Answer, Client::Error> Client::call(const std::string& method,
                                                         const std::string& target) const {
    return run_job(Job{socket_path_, method, target, options_, {}, {}, false, false, {}});
}

tl::expected<Client::Answer, Client::Error> Client::follow(
    const std::string& target, const std::function<bool(std::string_view)>& on_line) const {
    return run_job(Job{socket_path_, "GET", target, options_, on_line, {}, false, false, {}});
}

}  // namespace governor::http
