// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/store.hpp"

#include <algorithm>
#include <string>

/// The retention's half of the Store.
namespace governor::journal {
namespace {

using sqlite::Result;

/// Events that one step deletes: some hundred kilobytes, so that no transaction is long.
constexpr std::size_t kStep = 200;
/// What a crash may cost the clock.
constexpr Elapsed kClockStored = std::chrono::minutes(10);
/// Checkpoints of the clock within the time that is kept.
constexpr int kCheckpoints = 64;
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

Result<Elapsed> Store::elapsed() {
    const auto stored = database_.number("SELECT elapsed FROM clock");
    if (!stored) return forward(stored);
    return Elapsed(*stored);
}

Result<void> Store::set_elapsed(Elapsed now) {
    return database_.run("UPDATE clock SET elapsed=" + std::to_string(now.count()));
}

/// The newest event that is older than the retention keeps; 0: none is.
Result<std::uint64_t> Store::aged(const Retention& retention, Elapsed now) {
    const auto stored = elapsed();
    if (!stored) return forward(stored);
    // An idle governor does not write to the disk every minute.
    if (now - *stored >= kClockStored)
        if (auto done = set_elapsed(now); !done) return forward(done);
    const std::string at = std::to_string(now.count());
    const std::string oldest_kept = std::to_string((now - retention.keep).count());
    const std::string last = std::to_string((now - retention.keep / kCheckpoints).count());
    auto done = database_.run(
        "INSERT OR IGNORE INTO checkpoints SELECT " + at +
        ",(SELECT coalesce(max(id),0) FROM events) "
        "WHERE NOT EXISTS(SELECT 1 FROM checkpoints WHERE elapsed>" +
        last +
        ");"
        // The newest of the old ones says what is old; the others say the same of less.
        "DELETE FROM checkpoints WHERE elapsed<(SELECT max(elapsed) FROM checkpoints WHERE elapsed<" +
        oldest_kept + ")");
    if (!done) return forward(done);
    const auto id =
        database_.number("SELECT coalesce(max(id),0) FROM checkpoints WHERE elapsed<" + oldest_kept);
    if (!id) return forward(id);
    return static_cast<std::uint64_t>(*id);
}

Result<std::vector<std::uint64_t>> Store::outdated(const Retention& retention, std::uint64_t aged,
                                                   std::uint64_t unread_from) {
    const auto in_use = used();
    if (!in_use) return forward(in_use);
    const bool too_large = *in_use > retention.size;
    const bool far_too_large = *in_use > policies::Bytes{retention.size.value * kPatience};
    auto statement =
        database_.prepare(too_large ? "SELECT id FROM events WHERE id<? ORDER BY id LIMIT ?"
                                    : "SELECT id FROM events WHERE id<? AND id<=? ORDER BY id LIMIT ?");
    if (!statement) return forward(statement);
    statement->bind(far_too_large ? kLastId : unread_from);
    if (!too_large) statement->bind(aged);
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

Result<Trimmed> Store::trim(const Retention& retention, Elapsed now) {
    auto transaction = sqlite::Transaction::begin(database_);
    if (!transaction) return forward(transaction);
    const auto cursors = positions();
    if (!cursors) return forward(cursors);
    std::uint64_t slowest = kLastId - 1;
    for (const auto& [name, position] : *cursors) slowest = std::min(slowest, position);
    const auto old = aged(retention, now);
    if (!old) return forward(old);
    const auto ids = outdated(retention, *old, slowest + 1);
    if (!ids) return forward(ids);
    if (auto done = remove(*ids); !done) return forward(done);
    auto letters = database_.prepare("DELETE FROM dead_letters WHERE event<=?");
    if (!letters) return forward(letters);
    if (auto done = letters->bind(*old).run(); !done) return forward(done);
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
