// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/error.hpp"
#include "governor/docker/types.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor::docker {

class HttpConnection;

struct ClientOptions {
    std::chrono::milliseconds timeout{
        10'000};                         ///< of a whole call, connect to last byte, when it is given none
    std::size_t max_body = 16UL << 20U;  ///< bytes; a longer answer is a protocol error
};

/// Of one whole call; absent: ClientOptions::timeout.
using Timeout = std::optional<std::chrono::milliseconds>;

/// Called once, when the whole request was written to the socket: from then on Docker may act, whatever the
/// call returns. Must not throw.
using OnSent = std::function<void()>;

struct Response {
    int status = 0;
    std::string body;
};

struct ExecResult {
    int exit_code = 0;
    std::string output;      ///< the first 16 KiB of stdout and stderr
    bool truncated = false;  ///< there was more
};

/// The Docker Engine API over its unix socket: the few calls that the governor makes.
///
/// Every call makes its own connection (about 0.1 ms on a unix socket): no call waits for another, and none
/// can run into a connection that the engine closed meanwhile, which for a restart would leave open whether
/// it happened. Any number of calls may run at once. Every call has a deadline. No call throws: failures are
/// values (see Error), cancellation of the calling coroutine is Error::Kind::kCancelled.
///
/// Lives on one io_context thread and must outlive its calls. Containers are named by id, id prefix or name.
class Client {
  public:
    Client(boost::asio::any_io_executor executor, std::string socket_path, ClientOptions options = {});

    /// Agrees on the API version: the lower of ours and the engine's. Before it, calls use the engine's
    /// newest version. kApiVersion when there is none in common; the earlier version then stays in use.
    boost::asio::awaitable<Result<Version>> negotiate();

    boost::asio::awaitable<Result<void>> ping(Timeout timeout = std::nullopt);
    boost::asio::awaitable<Result<Version>> version(Timeout timeout = std::nullopt);
    boost::asio::awaitable<Result<Info>> info(Timeout timeout = std::nullopt);

    /// `all`: the stopped ones too. `labels`: "key" or "key=value"; a container must have all of them.
    boost::asio::awaitable<Result<std::vector<ContainerSummary>>> list_containers(
        bool all, std::vector<std::string> labels, Timeout timeout = std::nullopt);
    boost::asio::awaitable<Result<ContainerDetails>> inspect(std::string id, Timeout timeout = std::nullopt);

    /// Sets the hard limit, and that of memory and swap together (-1: no limit), both in bytes. Live, and
    /// kept over restarts of the container. Both at once, because Docker refuses a memory limit above the
    /// stored one of memory and swap. Returns Docker's warnings.
    boost::asio::awaitable<Result<std::vector<std::string>>> update_memory(std::string id,
                                                                           std::int64_t memory,
                                                                           std::int64_t memory_swap,
                                                                           Timeout timeout = std::nullopt);

    /// Stops and starts the container. Without `grace`, its own stop signal and grace period hold; `timeout`
    /// must then be longer than that period. Docker goes on with a restart whose caller has left (kTimeout
    /// after on_sent says nothing about the container).
    boost::asio::awaitable<Result<void>> restart(std::string id, std::optional<std::chrono::seconds> grace,
                                                 std::chrono::milliseconds timeout, OnSent on_sent = nullptr);

    /// Good too when it runs already.
    boost::asio::awaitable<Result<void>> start(std::string id, Timeout timeout = std::nullopt);

    /// Runs a command in the container and waits for its end. A command that outlives the deadline (kTimeout)
    /// goes on in the container: Docker has no call to end it.
    boost::asio::awaitable<Result<ExecResult>> exec(std::string id, std::vector<std::string> command,
                                                    std::chrono::milliseconds timeout);

    /// Any call. `target` starts after the version: "/containers/json?all=1", percent-encoded. Every status
    /// is a Response.
    boost::asio::awaitable<Result<Response>> request(std::string method, std::string target, std::string body,
                                                     Timeout timeout = std::nullopt,
                                                     OnSent on_sent = nullptr);

    boost::asio::any_io_executor executor() const { return executor_; }
    const std::string& socket_path() const { return socket_path_; }
    const ClientOptions& options() const { return options_; }
    /// "1.47"; empty before negotiate().
    const std::string& api_version() const { return api_version_; }
    /// "/v1.47", what targets begin with; empty before negotiate().
    std::string api_prefix() const;

  private:
    struct Call;

    Call make_call(std::string operation, std::string method, const std::string& target,
                   Timeout timeout) const;
    /// The answer of a call; statuses of 400 and above are errors.
    boost::asio::awaitable<Result<Response>> perform(Call call) const;
    boost::asio::awaitable<Result<Response>> perform_any_status(Call call) const;
    boost::asio::awaitable<Result<Response>> transact(Call call) const;
    boost::asio::awaitable<Result<ExecResult>> run_exec(std::string id, std::string body,
                                                        Call start_call) const;

    boost::asio::any_io_executor executor_;
    std::string socket_path_;
    ClientOptions options_;
    std::string api_version_;
};

/// The version to use with an engine that offers [minimum, newest]: the lower of newest and ours. kApiVersion
/// when ours is below the minimum or the engine's newest is older than 1.41; kProtocol when a version is not
/// "major.minor". Pure.
Result<std::string> choose_api_version(std::string_view newest, std::string_view minimum);

}  // namespace governor::docker
