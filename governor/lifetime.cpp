// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/lifetime.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <csignal>
#include <utility>

namespace governor {
namespace {

constexpr const char* kGoverns = "Governs the containers that run.";

}  // namespace

Lifetime::Lifetime(const boost::asio::any_io_executor& loop, async::ExitDeadline& deadline,
                   systemd::Notify::Options notify)
    : deadline_(deadline), signals_(loop, SIGTERM, SIGINT, SIGHUP), notify_(loop, std::move(notify)) {}

boost::asio::awaitable<void> Lifetime::wait_for_early_end() {
    // One that came before signals_ was there.
    while (!deadline_.started()) {
        const int signal = co_await signals_.async_wait(boost::asio::use_awaitable);
        if (signal != SIGHUP) break;
        reload_wanted_ = true;
    }
    notify_.stopping();
}

boost::asio::awaitable<void> Lifetime::wait_for_end(std::function<std::string()> reload) {
    if (std::exchange(reload_wanted_, false)) reload_now(reload);
    while (!deadline_.started()) {
        const int signal = co_await signals_.async_wait(boost::asio::use_awaitable);
        if (signal != SIGHUP) break;
        reload_now(reload);
    }
    notify_.stopping();
}

void Lifetime::reload_now(const std::function<std::string()>& reload) {
    notify_.reloading();
    if (const std::string problem = reload(); !problem.empty())
        spdlog::error("the new policies are not used:\n{}", problem);
    notify_.ready(kGoverns);
}

void Lifetime::ready() {
    if (!std::exchange(ready_, true)) notify_.ready(kGoverns);
}

}  // namespace governor
