// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/schema.hpp"

#include <array>
#include <string>

namespace governor::journal {
namespace {

using sqlite::Result;

/// PRAGMA application_id of our files: "govj".
constexpr std::int64_t kApplication = 0x676f766a;

/// Element N leads from version N to N+1. Never edited after a release: add one.
constexpr std::array<const char*, kSchemaVersion> kSteps{
    R"(
    CREATE TABLE ids(reserved INTEGER NOT NULL);
    INSERT INTO ids VALUES(0);
    CREATE TABLE events(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, type TEXT NOT NULL, project TEXT NOT NULL,
                        service TEXT NOT NULL, container TEXT NOT NULL, json TEXT NOT NULL);
    CREATE INDEX events_by_time ON events(time);
    CREATE TABLE cursors(name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE dead_letters(target TEXT NOT NULL, event INTEGER NOT NULL, attempts INTEGER NOT NULL,
                              error TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(target, event)) WITHOUT ROWID;
    )",
    // Ages are counted by a clock of the journal's own, because the wall clock can jump: `clock` is how long
    // the journal has been in use, in milliseconds, and each checkpoint the newest event at such a time.
    R"(
    CREATE TABLE clock(elapsed INTEGER NOT NULL);
    INSERT INTO clock VALUES(0);
    CREATE TABLE checkpoints(elapsed INTEGER PRIMARY KEY, id INTEGER NOT NULL);
    )"};

tl::unexpected<sqlite::Error> refuse(const sqlite::Database& database, const std::string& why) {
    return tl::make_unexpected(sqlite::Error{kForeignFile, "cannot use " + database.path() + ": " + why});
}

Result<void> migrate(sqlite::Database& database, std::int64_t from) {
    auto transaction = sqlite::Transaction::begin(database);
    if (!transaction) return tl::make_unexpected(transaction.error());
    for (auto version = static_cast<std::size_t>(from); version < kSteps.size(); ++version)
        if (auto done = database.run(kSteps[version]); !done) return done;
    const std::string stamp = "PRAGMA user_version=" + std::to_string(kSchemaVersion) +
                              ";PRAGMA application_id=" + std::to_string(kApplication);
    if (auto done = database.run(stamp); !done) return done;
    return transaction->commit();
}

}  // namespace

Result<void> prepare_schema(sqlite::Database& database) {
    const auto version = database.number("PRAGMA user_version");
    if (!version) return tl::make_unexpected(version.error());
    const auto application = database.number("PRAGMA application_id");
    if (!application) return tl::make_unexpected(application.error());
    const auto tables = database.number("SELECT count(*) FROM sqlite_master");
    if (!tables) return tl::make_unexpected(tables.error());
    const bool is_new = *version == 0 && *application == 0 && *tables == 0;
    if (!is_new && *application != kApplication)
        return refuse(database,
                      "it is a database of another program; move it away, or give another --state-dir");
    if (*version > kSchemaVersion || *version < 0) {
        return refuse(database, "its schema has version " + std::to_string(*version) +
                                    ", this governor knows " + std::to_string(kSchemaVersion) +
                                    " and older ones; run the newer governor, or move the file away");
    }
    if (*version == kSchemaVersion) return {};
    return migrate(database, *version);
}

}  // namespace governor::journal
