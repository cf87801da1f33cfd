// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace governor::test {

/// Only ever reached by a test that hangs.
inline constexpr std::chrono::seconds kGuard{30};

/// Runs the loop until `done()`; false when the guard time is over first.
template <class Done>
bool run_until(boost::asio::io_context& io, Done done) {
    const auto limit = std::chrono::steady_clock::now() + kGuard;
    while (!done()) {
        io.restart();
        if (io.run_one_until(limit) == 0 && std::chrono::steady_clock::now() >= limit) return false;
    }
    return true;
}

/// Runs the loop until the task is done and returns its result; rethrows what it throws.
template <class T>
T run_task(boost::asio::io_context& io, boost::asio::awaitable<T> task) {
    std::optional<T> result;
    std::exception_ptr failure;
    boost::asio::co_spawn(io, std::move(task),
                          [&result, &failure](const std::exception_ptr& thrown, T value) {
                              failure = thrown;
                              result = std::move(value);
                          });
    if (!run_until(io, [&result] { return result.has_value(); })) throw std::runtime_error("the task hangs");
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
}

}  // namespace governor::test
