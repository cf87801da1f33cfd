// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/event_feed.hpp"

#include "governor/http/read_store.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace governor::http {

namespace asio = boost::asio;

namespace {

/// Of one answer of the store: some hundred kilobytes.
constexpr std::size_t kPage = 500;
/// Shown when no beginning was asked for.
constexpr std::size_t kLatest = 1000;
/// With the journal's disk; then what memory holds must do.
constexpr std::chrono::seconds kPatience{10};

}  // namespace

EventFeed::EventFeed(publish::Publisher& publisher, journal::EventStore* store, journal::Query query,
                     bool follow, std::function<void()> wake)
    : publisher_(publisher),
      store_(store),
      query_(std::move(query)),
      follow_(follow),
      wake_(std::move(wake)) {}

asio::awaitable<std::string> EventFeed::next() {
    if (!in_memory_) {
        std::string lines = co_await from_store();
        if (!lines.empty()) co_return lines;
        // Nothing is awaited between that and the subscription: no event can come in between.
        in_memory_ = true;
        if (follow_)
            subscription_ = publisher_.subscribe({query_.service, query_.types, query_.after}, wake_);
        lines = from_memory();
        if (!lines.empty()) co_return lines;
    }
    while (subscription_ && !subscription_->overrun()) {
        const auto published = subscription_->next();
        if (!published) break;
        if (query_.matches(published->record)) co_return published->json + "\n";
    }
    co_return std::string();
}

/// Empty: everything before what the Publisher keeps was given.
asio::awaitable<std::string> EventFeed::from_store() {
    const auto loop = co_await asio::this_coro::executor;
    while (store_ != nullptr) {
        const std::uint64_t begins = memory_begins();
        if (query_.after >= begins - 1) break;
        journal::Query page = query_;
        page.before = std::min(query_.before, begins);
        page.limit = kPage;
        if (query_.newest) {
            const auto kept = publisher_.recent({query_.service, query_.types, query_.after});
            page.limit = kLatest - std::min(kept.size(), kLatest);
        }
        const journal::Events events = co_await read_within(loop, *store_, std::move(page), kPatience);
        // What memory keeps is better than nothing, and the journal tells of its trouble by an event.
        if (!events) break;
        const bool jumped = std::exchange(query_.newest, false);
        if (jumped && begins != journal::kLastId) {
            query_.after = begins - 1;
        } else if (!events->empty()) {
            query_.after = events->back().id;
        } else if (memory_begins() == begins) {
            break;
        }
        std::string lines;
        for (const journal::Stored& event : *events) lines += event.json + "\n";
        if (!lines.empty()) co_return lines;
    }
    co_return std::string();
}

std::string EventFeed::from_memory() {
    std::string lines;
    for (const auto& published : publisher_.recent({query_.service, query_.types, query_.after}))
        if (query_.matches(published->record)) lines += published->json + "\n";
    return lines;
}

std::uint64_t EventFeed::memory_begins() const {
    const std::uint64_t oldest = publisher_.oldest_sequence();
    return oldest == 0 ? journal::kLastId : oldest;
}

}  // namespace governor::http
