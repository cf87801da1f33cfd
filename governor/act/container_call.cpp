// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/container_call.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>

namespace governor::act {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr auto kValue = asio::as_tuple(asio::use_awaitable);

/// A name that is the container's own is answered by what Docker told of it: works on any network, without a
/// resolver.
std::string own_address(const Target& target, const std::string& host) {
    if (host != target.subject->service && host != target.subject->name) return host;
    for (const auto& [network, address] : target.addresses)
        if (!address.empty()) return address;
    return host;
}

}  // namespace

std::optional<HttpUrl> parse_http_url(std::string_view url) {
    constexpr std::string_view kScheme = "http://";
    if (!url.starts_with(kScheme)) return std::nullopt;
    url.remove_prefix(kScheme.size());
    HttpUrl out;
    const auto slash = url.find_first_of("/?");
    std::string_view authority = url.substr(0, slash);
    if (slash != std::string_view::npos)
        out.target = url[slash] == '?' ? "/" + std::string(url.substr(slash)) : url.substr(slash);
    const auto bracket = authority.rfind(']');
    const auto colon = authority.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        out.port = authority.substr(colon + 1);
        authority = authority.substr(0, colon);
    }
    if (authority.starts_with('[') && authority.ends_with(']'))
        authority = authority.substr(1, authority.size() - 2);
    out.host = authority;
    if (out.host.empty() || out.port.empty() || out.port.find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
    return out;
}

asio::awaitable<std::string> call_http(Target target, std::string url, std::chrono::milliseconds timeout) {
    const auto parts = parse_http_url(url);
    if (!parts) co_return "\"" + url + "\" is not an http:// URL";
    const auto loop = co_await asio::this_coro::executor;
    beast::tcp_stream stream(loop);
    stream.expires_after(timeout);

    // The resolver has its own thread inside Asio, and no deadline of its own.
    asio::ip::tcp::resolver resolver(loop);
    asio::steady_timer limit(loop, timeout);
    limit.async_wait([&resolver](boost::system::error_code code) {
        if (!code) resolver.cancel();
    });
    auto [resolve_error, endpoints] =
        co_await resolver.async_resolve(own_address(target, parts->host), parts->port, kValue);
    limit.cancel();
    if (resolve_error) co_return "cannot resolve " + parts->host + ": " + resolve_error.message();
    auto [connect_error, endpoint] = co_await stream.async_connect(endpoints, kValue);
    if (connect_error) co_return "cannot connect to " + url + ": " + connect_error.message();

    http::request<http::empty_body> request(http::verb::post, parts->target, 11);
    request.set(http::field::host, parts->host);
    request.set(http::field::user_agent, "governor");
    request.prepare_payload();
    auto [write_error, written] = co_await http::async_write(stream, request, kValue);
    if (write_error) co_return "cannot send to " + url + ": " + write_error.message();
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(64 * 1024);
    auto [read_error, got] = co_await http::async_read_header(stream, buffer, parser, kValue);
    if (read_error) co_return "no answer from " + url + ": " + read_error.message();
    const auto status = parser.get().result_int();
    if (status < 200 || status >= 300) co_return url + " answered with status " + std::to_string(status);
    co_return std::string();
}

asio::awaitable<std::string> call_exec(docker::Client& docker, Target target,
                                       std::vector<std::string> command, std::chrono::milliseconds timeout) {
    const auto done = co_await docker.exec(target.subject->id, std::move(command), timeout);
    if (!done) co_return done.error().message;
    if (done->exit_code != 0)
        co_return "the command ended with exit code " + std::to_string(done->exit_code) + ": " + done->output;
    co_return std::string();
}

}  // namespace governor::act
