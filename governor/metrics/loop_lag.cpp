// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/loop_lag.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

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
    if (waiting_for_scrape_) timer_.cancel();
}

policies::TimePoint LoopLag::due(policies::TimePoint now) const {
    if (now >= until_) return policies::TimePoint::max();
    return policies::TimePoint(std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) + 1s);
}

asio::awaitable<void> LoopLag::run() {
    while (true) {
        const policies::TimePoint due = this->due(clock_());
        waiting_for_scrape_ = due == policies::TimePoint::max();
        timer_.expires_at(waiting_for_scrape_ ? asio::steady_timer::time_point::max()
                                              : asio::steady_timer::time_point(
                                                    std::chrono::duration_cast<asio::steady_timer::duration>(
                                                        due.time_since_epoch())));
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
            co_return;
        if (!waiting_for_scrape_) looked(due, clock_());
    }
}

}  // namespace governor::metrics
