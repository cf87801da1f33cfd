// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace governor::http {

/// Awaits what `start` is given a callback for, and `late` when that does not come within `limit`: a disk
/// that hangs must not hold a connection for ever. A callback that comes later does nothing. Loop's thread
/// only.
template <class Answer>
boost::asio::awaitable<Answer> answer_within(boost::asio::any_io_executor loop,
                                             std::chrono::milliseconds limit,
                                             std::function<void(std::function<void(Answer)>)> start,
                                             Answer late) {
    namespace asio = boost::asio;
    auto initiate = [loop = std::move(loop), limit, start = std::move(start),
                     late = std::move(late)](auto handler) mutable {
        using Handler = decltype(handler);
        struct Once {
            std::optional<Handler> waiting;
            asio::steady_timer timer;
            void finish(Answer answer) {
                if (!waiting) return;
                Handler taken = std::move(*waiting);
                waiting.reset();
                timer.cancel();
                taken(std::move(answer));
            }
        };
        auto once = std::make_shared<Once>(
            Once{std::optional<Handler>(std::move(handler)), asio::steady_timer(loop, limit)});
        once->timer.async_wait([once, late = std::move(late)](const boost::system::error_code& code) mutable {
            if (!code) once->finish(std::move(late));
        });
        start([once](Answer answer) { once->finish(std::move(answer)); });
    };
    return asio::async_initiate<const asio::use_awaitable_t<>, void(Answer)>(std::move(initiate),
                                                                             asio::use_awaitable);
}

}  // namespace governor::http
