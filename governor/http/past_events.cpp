// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/past_events.hpp"

#include "governor/http/read_store.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <utility>

namespace governor::http {

namespace asio = boost::asio;

namespace {

/// Put into Docker's form without a break: about a millisecond (bench/micro: event_docker).
constexpr std::size_t kSlice = 32;

asio::awaitable<void> let_others_run() {
    const auto loop = co_await asio::this_coro::executor;
    co_await asio::post(loop, asio::use_awaitable);
}

asio::awaitable<void> add(std::vector<StreamedEvent>& out, const std::vector<publish::PublishedPtr>& kept,
                          const PastQuery& query) {
    std::size_t count = 0;
    for (const publish::PublishedPtr& published : kept) {
        const publish::Record& record = published->record;
        if (record.time < query.from || record.time > query.until) continue;
        StreamedEvent event = to_docker_event(record, query.daemon);
        if (query.wanted(event.event)) out.push_back(std::move(event));
        if (++count % kSlice == 0) co_await let_others_run();
    }
}

asio::awaitable<void> add(std::vector<StreamedEvent>& out, const std::vector<journal::Stored>& stored,
                          std::uint64_t before, const PastQuery& query) {
    std::size_t count = 0;
    for (const journal::Stored& one : stored) {
        if (one.id >= before) break;
        const auto told = nlohmann::json::parse(one.json, nullptr, false);
        if (!told.is_object()) continue;
        StreamedEvent event = to_docker_event(told, one.time, compose_labels(told), query.daemon);
        if (query.wanted(event.event)) out.push_back(std::move(event));
        if (++count % kSlice == 0) co_await let_others_run();
    }
}

}  // namespace

asio::awaitable<std::vector<StreamedEvent>> KeptEvents::find(PastQuery query) {
    const std::vector<publish::PublishedPtr> kept = publisher_.recent({});
    std::vector<StreamedEvent> out;
    co_await add(out, kept, query);
    co_return out;
}

asio::awaitable<std::vector<StreamedEvent>> JournalEvents::find(PastQuery query) {
    journal::Query stored_query;
    // The journal's times are whole milliseconds, rounded down.
    stored_query.since = std::chrono::floor<std::chrono::milliseconds>(query.from);
    stored_query.until = std::chrono::floor<std::chrono::milliseconds>(query.until);
    stored_query.limit = limits_.events;
    stored_query.newest = true;
    const auto loop = co_await asio::this_coro::executor;
    const journal::Events stored =
        co_await read_within(loop, store_, std::move(stored_query), limits_.patience);
    // After the disk: what was told meanwhile is here, or in the live stream, which the reader has joined.
    const std::vector<publish::PublishedPtr> kept = publisher_.recent({});
    std::vector<StreamedEvent> out;
    if (stored) {
        // Memory has all from its oldest on, and knows all of their labels and their time to the nanosecond.
        const std::uint64_t in_memory = kept.empty() ? journal::kLastId : kept.front()->record.sequence;
        co_await add(out, *stored, in_memory, query);
    } else {
        spdlog::warn("a reader of /events gets the past from memory only: {}", stored.error());
    }
    co_await add(out, kept, query);
    co_return out;
}

}  // namespace governor::http
