// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/read_store.hpp"

#include "governor/http/answer_within.hpp"

#include <functional>
#include <string>
#include <utility>

namespace governor::http {

namespace asio = boost::asio;

// Not a coroutine of its own: it awaits one thing only.
asio::awaitable<journal::Events> read_within(asio::any_io_executor loop, journal::EventStore& store,
                                             journal::Query query, std::chrono::milliseconds patience) {
    std::function<void(std::function<void(journal::Events)>)> start =
        [&store, query = std::move(query)](std::function<void(journal::Events)> done) {
            store.read(query, std::move(done));
        };
    journal::Events late = tl::make_unexpected(std::string("the journal does not answer"));
    return answer_within<journal::Events>(std::move(loop), patience, std::move(start), std::move(late));
}

}  // namespace governor::http
