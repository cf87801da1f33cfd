// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/client.hpp"

#include "governor/docker/container_list.hpp"
#include "governor/docker/exec_output.hpp"
#include "governor/docker/http_connection.hpp"
#include "governor/docker/url.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include <utility>

namespace governor::docker {

namespace asio = boost::asio;
using Clock = HttpConnection::Clock;

namespace {

constexpr std::size_t kMaxExecOutput = 16UL << 10U;
constexpr std::chrono::milliseconds kExecPoll{20};
constexpr int kFirstErrorStatus = 400;

std::string container_target(std::string_view id, std::string_view rest) {
    return "/containers/" + percent_encode(id) + std::string(rest);
}

std::string dump(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// What the parsers say about an answer, with the call that it answered in front.
template <class T>
Result<T> with_operation(Result<T> result, const std::string& operation) {
    if (!result) {
        result.error().message = operation + ": " + result.error().message;
        result.error().operation = operation;
    }
    return result;
}

}  // namespace

struct Client::Call {
    std::string operation;
    std::string method;
    std::string target;
    std::string body;
    Clock::time_point deadline;
    OnSent on_sent;
    /// Set: the answer is an exec's stream of any length, and the Response's body its ExecOutput.
    ExecOutput* output = nullptr;
    /// Set: the answer is a list of containers of any length, and goes there instead of into the Response.
    ContainerListReader* list = nullptr;
};

Client::Client(asio::any_io_executor executor, std::string socket_path, ClientOptions options)
    : executor_(std::move(executor)), socket_path_(std::move(socket_path)), options_(options) {}

std::string Client::api_prefix() const {
    return api_version_.empty() ? "" : "/v" + api_version_;
}

Client::Call Client::make_call(std::string operation, std::string method, const std::string& target,
                               Timeout timeout) const {
    Call call;
    call.operation = std::move(operation);
    call.method = std::move(method);
    call.target = api_prefix() + target;
    call.deadline = Clock::now() + timeout.value_or(options_.timeout);
    return call;
}

asio::awaitable<Result<Response>> Client::transact(Call call) const {
    HttpConnection connection(executor_);
    connection.expires_at(call.deadline);
    auto code = co_await connection.connect(socket_path_);
    if (!code) code = co_await connection.send(call.method, call.target, std::move(call.body));
    if (!code && call.on_sent) call.on_sent();
    if (!code) code = co_await connection.read_header();
    Response response;
    while (!code) {
        code = co_await connection.read_body();
        if (code || connection.chunk().empty()) break;
        if (call.output != nullptr && connection.status() < kFirstErrorStatus) {
            call.output->feed(connection.chunk());
            continue;
        }
        if (call.list != nullptr && connection.status() < kFirstErrorStatus) {
            call.list->feed(connection.chunk());
            continue;
        }
        response.body += connection.chunk();
        if (response.body.size() > options_.max_body) {
            co_return tl::unexpected(protocol_error(
                call.operation, "the answer is longer than " + std::to_string(options_.max_body) + " bytes"));
        }
    }
    if (code) co_return tl::unexpected(transport_error(code, call.operation, socket_path_));
    response.status = connection.status();
    co_return response;
}

asio::awaitable<Result<Response>> Client::perform_any_status(Call call) const {
    const std::string operation = call.operation;
    boost::system::error_code code;
    try {
        co_return co_await transact(std::move(call));
    } catch (const boost::system::system_error& error) {
        // Cancelled between two operations: Asio then throws from the next co_await.
        code = error.code();
    }
    co_return tl::unexpected(transport_error(code, operation, socket_path_));
}

asio::awaitable<Result<Response>> Client::perform(Call call) const {
    const std::string operation = call.operation;
    auto response = co_await perform_any_status(std::move(call));
    if (response && response->status >= kFirstErrorStatus) {
        co_return tl::unexpected(status_error(response->status, response->body, operation));
    }
    co_return response;
}

asio::awaitable<Result<Response>> Client::request(std::string method, std::string target, std::string body,
                                                  Timeout timeout, OnSent on_sent) {
    const std::string operation = method + " " + target;
    Call call = make_call(operation, std::move(method), target, timeout);
    call.body = std::move(body);
    call.on_sent = std::move(on_sent);
    co_return co_await perform_any_status(std::move(call));
}

asio::awaitable<Result<Version>> Client::negotiate() {
    Call call = make_call("agree on an API version", "GET", "/version", std::nullopt);
    // Without the prefix: an engine that was updated may refuse the version that was agreed on before.
    call.target = "/version";
    const std::string operation = call.operation;
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    auto version = with_operation(parse_version(response->body), operation);
    if (!version) co_return version;
    auto chosen = choose_api_version(version->api_version, version->min_api_version);
    if (!chosen) co_return tl::unexpected(chosen.error());
    api_version_ = std::move(*chosen);
    co_return version;
}

asio::awaitable<Result<void>> Client::ping(Timeout timeout) {
    Call call = make_call("ping Docker", "GET", "/_ping", timeout);
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return Result<void>();
}

asio::awaitable<Result<Version>> Client::version(Timeout timeout) {
    Call call = make_call("ask Docker's version", "GET", "/version", timeout);
    const std::string operation = call.operation;
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return with_operation(parse_version(response->body), operation);
}

asio::awaitable<Result<Info>> Client::info(Timeout timeout) {
    Call call = make_call("ask Docker's info", "GET", "/info", timeout);
    const std::string operation = call.operation;
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return with_operation(parse_info(response->body), operation);
}

asio::awaitable<Result<std::vector<ContainerSummary>>> Client::list_containers(
    bool all, std::vector<std::string> labels, Timeout timeout) {
    std::string target = std::string("/containers/json?all=") + (all ? "1" : "0");
    if (!labels.empty()) target += "&filters=" + percent_encode(filters_json("label", labels));
    Call call = make_call("list containers", "GET", target, timeout);
    ContainerListReader reader;
    call.list = &reader;
    const std::string operation = call.operation;
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return with_operation(reader.finish(), operation);
}

asio::awaitable<Result<ContainerDetails>> Client::inspect(std::string id, Timeout timeout) {
    Call call = make_call("inspect container " + id, "GET", container_target(id, "/json"), timeout);
    const std::string operation = call.operation;
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return with_operation(parse_container(response->body), operation);
}

asio::awaitable<Result<std::vector<std::string>>> Client::update_memory(std::string id, std::int64_t memory,
                                                                        std::int64_t memory_swap,
                                                                        Timeout timeout) {
    nlohmann::json body;
    body["Memory"] = memory;
    body["MemorySwap"] = memory_swap;
    Call call = make_call("set the memory limit of container " + id, "POST", container_target(id, "/update"),
                          timeout);
    call.body = dump(body);
    const std::string operation = call.operation;
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return with_operation(parse_warnings(response->body), operation);
}

asio::awaitable<Result<void>> Client::restart(std::string id, std::optional<std::chrono::seconds> grace,
                                              std::chrono::milliseconds timeout, OnSent on_sent) {
    const std::string query = grace ? "?t=" + std::to_string(grace->count()) : "";
    Call call =
        make_call("restart container " + id, "POST", container_target(id, "/restart" + query), timeout);
    call.on_sent = std::move(on_sent);
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return Result<void>();
}

asio::awaitable<Result<void>> Client::start(std::string id, Timeout timeout) {
    Call call = make_call("start container " + id, "POST", container_target(id, "/start"), timeout);
    auto response = co_await perform(std::move(call));
    if (!response) co_return tl::unexpected(response.error());
    co_return Result<void>();
}

asio::awaitable<Result<ExecResult>> Client::run_exec(std::string id, std::string body,
                                                     Call start_call) const {
    const std::string operation = start_call.operation;
    const Clock::time_point deadline = start_call.deadline;
    Call create = make_call(operation, "POST", container_target(id, "/exec"), std::nullopt);
    create.deadline = deadline;
    create.body = std::move(body);
    auto created = co_await perform(std::move(create));
    if (!created) co_return tl::unexpected(created.error());
    auto exec_id = with_operation(parse_id(created->body), operation);
    if (!exec_id) co_return tl::unexpected(exec_id.error());

    const std::string target = "/exec/" + percent_encode(*exec_id);
    ExecOutput output(kMaxExecOutput);
    start_call.target = api_prefix() + target + "/start";
    start_call.body = R"({"Detach":false,"Tty":false})";
    start_call.output = &output;
    auto streamed = co_await perform(std::move(start_call));
    if (!streamed) co_return tl::unexpected(streamed.error());

    // The stream may end a moment before the engine has noted the exit code.
    asio::steady_timer timer(executor_);
    for (;;) {
        Call inspect_call = make_call(operation, "GET", target + "/json", std::nullopt);
        inspect_call.deadline = deadline;
        auto inspected = co_await perform(std::move(inspect_call));
        if (!inspected) co_return tl::unexpected(inspected.error());
        auto state = with_operation(parse_exec(inspected->body), operation);
        if (!state) co_return tl::unexpected(state.error());
        if (!state->running && state->exit_code) {
            co_return ExecResult{*state->exit_code, output.text(), output.truncated()};
        }
        if (Clock::now() >= deadline) {
            co_return tl::unexpected(transport_error(boost::beast::error::timeout, operation, socket_path_));
        }
        timer.expires_after(kExecPoll);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<Result<ExecResult>> Client::exec(std::string id, std::vector<std::string> command,
                                                 std::chrono::milliseconds timeout) {
    const std::string program = command.empty() ? std::string("nothing") : command.front();
    nlohmann::json body;
    body["AttachStdout"] = true;
    body["AttachStderr"] = true;
    body["Cmd"] = command;
    Call call = make_call("run " + program + " in container " + id, "POST", "", timeout);
    const std::string operation = call.operation;
    boost::system::error_code code;
    try {
        co_return co_await run_exec(std::move(id), dump(body), std::move(call));
    } catch (const boost::system::system_error& error) {
        code = error.code();
    }
    co_return tl::unexpected(transport_error(code, operation, socket_path_));
}

}  // namespace governor::docker
