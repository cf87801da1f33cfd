// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/store.hpp"

#include <algorithm>

/// The retention's half of the Store.
namespace governor::journal {
namespace {

using sqlite::Result;

/// Events that one step deletes: some hundred kilobytes, so that no transaction is long.
constexpr std::size_t kStep = 200;
/// A cursor that is behind holds its events up to this multiple of the size.
constexpr std::uint64_t kPatience = 2;

template <class T>
tl::unexpected<sqlite::Error> forward(const Result<T>& failed) {
    return tl::make_unexpected(failed.error());
}

Result<std::vector<std::uint64_t>> collect(sqlite::Statement& statement) {
    std::vector<std::uint64_t> out;
    while (true) {
        const auto row = statement.step();
        if (!row) return forward(row);
        if (!*row) return out;
        out.push_back(statement.natural(0));
    }
}

}  // namespace

Result<policies::Bytes> Store::used() {
    const auto size = database_.number("PRAGMA page_size");
    if (!size) return forward(size);
    const auto pages = database_.number("PRAGMA page_count");
    if (!pages) return forward(pages);
    const auto free = database_.number("PRAGMA freelist_count");
    if (!free) return forward(free);
    return policies::Bytes{static_cast<std::uint64_t>((*pages - *free) * *size)};
}

Result<std::map<std::string, std::uint64_t>> Store::positions() {
    std::map<std::string, std::uint64_t> out;
    auto statement = database_.prepare("SELECT name,position FROM cursors");
    if (!statement) return forward(statement);
    while (true) {
        const auto row = statement->step();
        if (!row) return forward(row);
        if (!*row) return out;
        out[statement->text(0)] = statement->natural(1);
    }
}

Result<std::vector<std::uint64_t>> Store::outdated(const Retention& retention, Moment now,
                                                   std::uint64_t unread_from) {
    const auto in_use = used();
    if (!in_use) return forward(in_use);
    const bool too_large = *in_use > retention.size;
    const bool far_too_large = *in_use > policies::Bytes{retention.size.value * kPatience};
    auto statement =
        database_.prepare(too_large ? "SELECT id FROM events WHERE id<? ORDER BY id LIMIT ?"
                                    : "SELECT id FROM events WHERE id<? AND time<? ORDER BY time LIMIT ?");
    if (!statement) return forward(statement);
    statement->bind(far_too_large ? kLastId : unread_from);
    if (!too_large) statement->bind(std::int64_t{(now - retention.keep).time_since_epoch().count()});
    statement->bind(std::uint64_t{kStep});
    return collect(*statement);
}

Result<void> Store::remove(const std::vector<std::uint64_t>& ids) {
    auto statement = database_.prepare("DELETE FROM events WHERE id=?");
    if (!statement) return forward(statement);
    for (const std::uint64_t id : ids)
        if (auto done = statement->bind(id).run(); !done) return done;
    return {};
}

Result<Trimmed> Store::trim(const Retention& retention, Moment now) {
    auto transaction = sqlite::Transaction::begin(database_);
    if (!transaction) return forward(transaction);
    const auto cursors = positions();
    if (!cursors) return forward(cursors);
    std::uint64_t slowest = kLastId - 1;
    for (const auto& [name, position] : *cursors) slowest = std::min(slowest, position);
    const auto ids = outdated(retention, now, slowest + 1);
    if (!ids) return forward(ids);
    if (auto done = remove(*ids); !done) return forward(done);
    auto letters = database_.prepare("DELETE FROM dead_letters WHERE time<?");
    if (!letters) return forward(letters);
    letters->bind(std::int64_t{(now - retention.keep).time_since_epoch().count()});
    if (auto done = letters->run(); !done) return forward(done);
    if (auto done = transaction->commit(); !done) return forward(done);

    Trimmed out;
    out.more = ids->size() == kStep;
    for (const auto& [name, position] : *cursors) {
        const auto unread = std::ranges::count_if(*ids, [at = position](auto id) { return id > at; });
        if (unread > 0) out.unread[name] = static_cast<std::uint64_t>(unread);
    }
    // Gives the freed pages back to the disk, as many as one step frees at most.
    if (auto done = database_.run("PRAGMA incremental_vacuum(256)"); !done) return forward(done);
    return out;
}

}  // namespace governor::journal
