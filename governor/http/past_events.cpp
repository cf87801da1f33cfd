// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/past_events.hpp"

#include "governor/http/answer_within.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <unordered_set>
#include <utility>

namespace governor::http {

namespace asio = boost::asio;

namespace {

asio::awaitable<journal::Events> read(journal::EventStore& store, journal::Query query,
                                      std::chrono::milliseconds patience) {
    const auto loop = co_await asio::this_coro::executor;
    std::function<void(std::function<void(journal::Events)>)> start =
        [&store, query = std::move(query)](std::function<void(journal::Events)> done) {
            store.read(query, std::move(done));
        };
    journal::Events late = tl::make_unexpected(std::string("the journal does not answer"));
    journal::Events events =
        co_await answer_within<journal::Events>(loop, patience, std::move(start), std::move(late));
    co_return events;
}

}  // namespace

asio::awaitable<std::vector<StreamedEvent>> KeptEvents::between(Time from, Time until, DaemonName daemon) {
    std::vector<StreamedEvent> out;
    for (const publish::PublishedPtr& published : publisher_.recent({})) {
        const publish::Record& record = published->record;
        if (record.time >= from && record.time <= until) out.push_back(to_docker_event(record, daemon));
    }
    co_return out;
}

asio::awaitable<std::vector<StreamedEvent>> JournalEvents::between(Time from, Time until, DaemonName daemon) {
    journal::Query query;
    // The journal's times are whole milliseconds, rounded down.
    query.since = std::chrono::floor<std::chrono::milliseconds>(from);
    query.until = std::chrono::floor<std::chrono::milliseconds>(until);
    query.limit = limits_.events;
    query.newest = true;
    const journal::Events stored = co_await read(store_, query, limits_.patience);
    // After the disk: what was told meanwhile is here, or in the live stream, which the reader has joined.
    std::vector<StreamedEvent> kept = co_await kept_.between(from, until, daemon);
    if (!stored) {
        spdlog::warn("a reader of /events gets the past from memory only: {}", stored.error());
        co_return kept;
    }
    std::unordered_set<std::uint64_t> in_memory;
    for (const StreamedEvent& event : kept) in_memory.insert(event.governor_id);
    std::vector<StreamedEvent> out;
    out.reserve(stored->size() + kept.size());
    for (const journal::Stored& event : *stored) {
        if (in_memory.contains(event.id)) continue;  // memory knows all of its labels
        const auto told = nlohmann::json::parse(event.json, nullptr, false);
        if (told.is_object()) out.push_back(to_docker_event(told, event.time, compose_labels(told), daemon));
    }
    std::ranges::move(kept, std::back_inserter(out));
    std::ranges::stable_sort(out, {}, &StreamedEvent::governor_id);
    co_return out;
}

}  // namespace governor::http
