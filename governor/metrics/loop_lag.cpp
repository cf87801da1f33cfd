// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/loop_lag.hpp"

#include <array>

namespace governor::metrics {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::array<policies::Duration, 10> kBounds{1ms, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 5s};
/// Two scrapes of the slowest interval that is usual.
constexpr policies::Duration kGoOn = 130s;

}  // namespace

LoopLag::LoopLag(asio::any_io_executor loop, Clock clock)
    : clock_(std::move(clock)), timer_(std::move(loop)), histogram_(kBounds) {}

void LoopLag::scraped() {
    until_ = clock_() + kGoOn;
    if (!waiting_) wait();
}

policies::TimePoint LoopLag::due(policies::TimePoint now) const {
    if (now >= until_) return policies::TimePoint::max();
    return policies::TimePoint(std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) + 1s);
}

void LoopLag::wait() {
    const policies::TimePoint due = this->due(clock_());
    waiting_ = due != policies::TimePoint::max();
    if (!waiting_) return;
    timer_.expires_at(asio::steady_timer::time_point(
        std::chrono::duration_cast<asio::steady_timer::duration>(due.time_since_epoch())));
    timer_.async_wait([this, due, alive = std::weak_ptr(alive_)](boost::system::error_code code) {
        if (code || alive.expired()) return;
        looked(due, clock_());
        wait();
    });
}

}  // namespace governor::metrics
