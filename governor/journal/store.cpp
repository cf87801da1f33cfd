// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/store.hpp"

#include "governor/journal/schema.hpp"

#include <algorithm>

namespace governor::journal {
namespace {

using sqlite::Result;

/// Another program that looks into the file may hold it for so long.
constexpr std::chrono::milliseconds kBusy{5'000};
constexpr auto kSettings =
    // The first one means something for a new file only, and must come before its tables.
    "PRAGMA auto_vacuum=INCREMENTAL;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    // What the -wal file may keep of the disk after a checkpoint.
    "PRAGMA journal_size_limit=4194304;"
    // The daemon is small; the file is read seldom.
    "PRAGMA cache_size=-128;";

template <class T>
tl::unexpected<sqlite::Error> forward(const Result<T>& failed) {
    return tl::make_unexpected(failed.error());
}

Stored read_row(const sqlite::Statement& row) {
    return {row.natural(0), Moment(std::chrono::milliseconds(row.integer(1))),
            row.text(2),    row.text(3),
            row.text(4),    row.text(5),
            row.text(6)};
}

std::string select_text(const Query& query) {
    std::string sql = "SELECT id,time,type,project,service,container,json FROM events WHERE id>? AND id<?";
    if (query.since) sql += " AND time>=?";
    if (query.until) sql += " AND time<=?";
    if (!query.service.empty()) sql += " AND ? IN (service,container,project||'/'||service)";
    if (!query.types.empty()) {
        sql += " AND type IN (?";
        for (std::size_t i = 1; i < query.types.size(); ++i) sql += ",?";
        sql += ")";
    }
    return sql + (query.newest ? " ORDER BY id DESC LIMIT ?" : " ORDER BY id LIMIT ?");
}

/// More than SQLite takes as parameters, or anybody means.
constexpr std::size_t kMostTypes = 200;

}  // namespace

Result<Store> Store::open(const std::string& path, std::uint64_t at_least, std::uint32_t page_limit) {
    auto database = sqlite::Database::open(path, kBusy);
    if (!database) return forward(database);
    if (page_limit != 0)
        if (auto done = database->run("PRAGMA max_page_count=" + std::to_string(page_limit)); !done)
            return forward(done);
    if (auto done = database->run(kSettings); !done) return forward(done);
    if (auto done = prepare_schema(*database); !done) return forward(done);
    Store out(std::move(*database));
    // On a full disk old events can be read all the same; the first commit tries again.
    if (auto done = out.reserve_ids(at_least); !done && !done.error().full()) return forward(done);
    return out;
}

Result<void> Store::reserve_ids(std::uint64_t at_least) {
    const auto reserved = database_.number("SELECT reserved FROM ids");
    if (!reserved) return forward(reserved);
    reserved_ = static_cast<std::uint64_t>(*reserved);
    first_id_ = std::max(reserved_, at_least) + 1;
    const std::uint64_t wanted = first_id_ + kIdBlock;
    auto done = database_.run("UPDATE ids SET reserved=" + std::to_string(wanted));
    if (done) reserved_ = wanted;
    return done;
}

Result<std::uint64_t> Store::newest() {
    const auto id = database_.number("SELECT coalesce(max(id),0) FROM events");
    if (!id) return forward(id);
    return static_cast<std::uint64_t>(*id);
}

Result<std::size_t> Store::commit(const Batch& batch) {
    auto transaction = sqlite::Transaction::begin(database_);
    if (!transaction) return forward(transaction);
    const auto taken = insert(batch.events);
    if (!taken) return taken;
    if (auto done = move(batch); !done) return forward(done);
    std::uint64_t reserved = reserved_;
    if (!batch.events.empty() && batch.events.back()->record.sequence + kIdBlock / 2 > reserved) {
        reserved = batch.events.back()->record.sequence + kIdBlock;
        if (auto done = database_.run("UPDATE ids SET reserved=" + std::to_string(reserved)); !done)
            return forward(done);
    }
    if (auto done = transaction->commit(); !done) return forward(done);
    reserved_ = reserved;
    return taken;
}

Result<std::size_t> Store::insert(const std::vector<publish::PublishedPtr>& events) {
    std::size_t taken = 0;
    if (events.empty()) return taken;
    // An id that is taken can only be an older event's, from before a clock was set back (docs/adr/0009).
    auto statement = database_.prepare("INSERT OR IGNORE INTO events VALUES(?,?,?,?,?,?,?)");
    if (!statement) return forward(statement);
    for (const auto& published : events) {
        const auto& record = published->record;
        const auto time = std::chrono::floor<std::chrono::milliseconds>(record.time).time_since_epoch();
        statement->bind(record.sequence).bind(std::int64_t{time.count()}).bind(record.type);
        statement->bind(record.subject->project).bind(record.subject->service).bind(record.subject->name);
        statement->bind(published->json);
        if (auto done = statement->run(); !done) return forward(done);
        if (database_.changes() == 0) ++taken;
    }
    return taken;
}

Result<void> Store::keep(const std::set<std::string>& names) {
    const auto known = positions();
    if (!known) return forward(known);
    for (const auto& [name, position] : *known) {
        if (names.contains(name)) continue;
        auto statement = database_.prepare("DELETE FROM cursors WHERE name=?");
        if (!statement) return forward(statement);
        if (auto done = statement->bind(name).run(); !done) return done;
    }
    return {};
}

Result<void> Store::move(const Batch& batch) {
    if (batch.kept_cursors)
        if (auto done = keep(*batch.kept_cursors); !done) return done;
    for (const auto& [name, position] : batch.cursors) {
        auto statement = database_.prepare(
            "INSERT INTO cursors VALUES(?,?) ON CONFLICT(name) DO UPDATE SET "
            "position=max(position,excluded.position)");
        if (!statement) return forward(statement);
        if (auto done = statement->bind(name).bind(position).run(); !done) return done;
    }
    for (const DeadLetter& letter : batch.dead) {
        auto statement = database_.prepare("INSERT OR REPLACE INTO dead_letters VALUES(?,?,?,?,?)");
        if (!statement) return forward(statement);
        statement->bind(letter.target).bind(letter.event).bind(std::int64_t{letter.attempts});
        statement->bind(letter.error).bind(std::int64_t{letter.time.time_since_epoch().count()});
        if (auto done = statement->run(); !done) return done;
    }
    return {};
}

Result<std::vector<Stored>> Store::read(const Query& query) {
    std::vector<Stored> out;
    if (query.types.size() > kMostTypes) return out;
    auto statement = database_.prepare(select_text(query));
    if (!statement) return forward(statement);
    statement->bind(std::min(query.after, kLastId)).bind(std::min(query.before, kLastId));
    if (query.since) statement->bind(std::int64_t{query.since->time_since_epoch().count()});
    if (query.until) statement->bind(std::int64_t{query.until->time_since_epoch().count()});
    if (!query.service.empty()) statement->bind(query.service);
    for (const std::string& type : query.types) statement->bind(type);
    statement->bind(std::uint64_t{std::min<std::uint64_t>(query.limit, kLastId)});
    while (true) {
        const auto row = statement->step();
        if (!row) return forward(row);
        if (!*row) break;
        out.push_back(read_row(*statement));
    }
    if (query.newest) std::ranges::reverse(out);
    return out;
}

Result<std::uint64_t> Store::cursor(const std::string& name) {
    auto make = database_.prepare(
        "INSERT OR IGNORE INTO cursors SELECT ?, coalesce((SELECT max(id) FROM events), 0)");
    if (!make) return forward(make);
    if (auto done = make->bind(name).run(); !done) return forward(done);
    auto find = database_.prepare("SELECT position FROM cursors WHERE name=?");
    if (!find) return forward(find);
    const auto row = find->bind(name).step();
    if (!row) return forward(row);
    return *row ? find->natural(0) : 0;
}

Result<std::vector<DeadLetter>> Store::dead(std::size_t limit) {
    std::vector<DeadLetter> out;
    auto statement = database_.prepare(
        "SELECT target,event,attempts,error,dead_letters.time,coalesce(json,'') FROM dead_letters "
        "LEFT JOIN events ON events.id=event ORDER BY dead_letters.time DESC, event DESC LIMIT ?");
    if (!statement) return forward(statement);
    statement->bind(std::uint64_t{limit});
    while (true) {
        const auto row = statement->step();
        if (!row) return forward(row);
        if (!*row) break;
        out.push_back({statement->text(0), statement->natural(1), static_cast<int>(statement->integer(2)),
                       statement->text(3), Moment(std::chrono::milliseconds(statement->integer(4))),
                       statement->text(5)});
    }
    std::ranges::reverse(out);
    return out;
}

}  // namespace governor::journal
