// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace governor::http {

/// Asks the journal, and waits for its disk no longer than `patience`; then the answer is an error. The store
/// must outlive the call. Loop's thread only.
boost::asio::awaitable<journal::Events> read_within(boost::asio::any_io_executor loop,
                                                    journal::EventStore& store, journal::Query query,
                                                    std::chrono::milliseconds patience);

}  // namespace governor::http
