// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/notify.hpp"

#include <systemd/sd-daemon.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace governor::systemd {
namespace {

/// States that may wait. A manager that does not read so many has other troubles; a state that is lost is
/// followed by the next one.
constexpr std::size_t kWaiting = 8;

}  // namespace

Notify::Options Notify::Options::from_environment() {
    Options out;
    if (std::getenv("NOTIFY_SOCKET") == nullptr) return out;
    out.send = [](const std::string& state) { ::sd_notify(0, state.c_str()); };
    std::uint64_t usec = 0;
    if (::sd_watchdog_enabled(0, &usec) > 0) out.watchdog = std::chrono::microseconds(usec);
    return out;
}

Notify::Notify(boost::asio::any_io_executor loop, Options options)
    : loop_(std::move(loop)), options_(std::move(options)) {
    if (options_.send) sender_.emplace(loop_, kWaiting);
}

void Notify::send(std::string state) {
    if (sender_) sender_->post([send = options_.send, state = std::move(state)] { send(state); });
}

void Notify::ready(const std::string& status) {
    send("READY=1\nSTATUS=" + status);
}

void Notify::reloading() {
    send("RELOADING=1");
}

void Notify::stopping() {
    send("STOPPING=1");
}

boost::asio::awaitable<void> Notify::keep_alive() {
    boost::asio::steady_timer timer(loop_);
    while (true) {
        if (options_.watchdog.count() == 0) {
            timer.expires_at(boost::asio::steady_timer::time_point::max());
        } else {
            send("WATCHDOG=1");
            timer.expires_after(options_.watchdog / 2);
        }
        co_await timer.async_wait(boost::asio::use_awaitable);
    }
}

}  // namespace governor::systemd
