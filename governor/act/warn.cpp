// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/warn.hpp"

#include "governor/act/container_call.hpp"

#include <utility>

namespace governor::act {
namespace {

namespace asio = boost::asio;

std::string send_signal(const Target& target, int signal) {
    if (!target.run || !target.run->main)
        return "its main process cannot be seen from here (run with `pid: host`)";
    const auto sent = target.run->main->send(signal);
    return sent ? std::string() : sent.error().message();
}

}  // namespace

asio::awaitable<std::string> warn(docker::Client& docker, Target target, policies::Warn call) {
    if (const auto* http_call = std::get_if<policies::HttpCall>(&call.call))
        co_return co_await call_http(std::move(target), http_call->url, call.timeout);
    if (const auto* signal = std::get_if<policies::SignalCall>(&call.call))
        co_return send_signal(target, signal->number);
    auto command = std::get<policies::ExecCall>(call.call).command;
    co_return co_await call_exec(docker, std::move(target), std::move(command), call.timeout);
}

}  // namespace governor::act
