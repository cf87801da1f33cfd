// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/delivery.hpp"
#include "governor/journal/event_store.hpp"
#include "governor/journal/retention.hpp"
#include "governor/journal/sqlite.hpp"
#include "governor/publish/publisher.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace governor::journal {

/// Ids are reserved in the database by so many, so that an id is handed out without asking the disk. More
/// than twice what may wait to be stored: ids in use are always reserved ones.
inline constexpr std::uint64_t kIdBlock = 20'000;

/// What is written in one transaction.
struct Batch {
    std::vector<publish::PublishedPtr> events;
    /// Every other cursor is forgotten, before any is moved; nothing: none is.
    std::optional<std::set<std::string>> kept_cursors;
    std::map<std::string, std::uint64_t> cursors;  ///< names and positions
    std::vector<DeadLetter> dead;

    bool empty() const { return events.empty() && !kept_cursors && cursors.empty() && dead.empty(); }
};

/// What one step of the retention did.
struct Trimmed {
    bool more = false;  ///< another step would delete more
    /// Events that were deleted before these cursors had read them.
    std::map<std::string, std::uint64_t> unread;
};

/// The database file of the journal: everything here may block, so it is used on the journal's thread only.
class Store {
  public:
    /// Opens or makes the file (its folder must exist), brings its schema up to date, and reserves ids above
    /// `at_least`. A schema that is not known is refused. `page_limit`: pages of 4 KiB that the file may have
    /// at most; 0: SQLite's own limit.
    static sqlite::Result<Store> open(const std::string& path, std::uint64_t at_least,
                                      std::uint32_t page_limit);

    /// The first id that was never reserved before this store was opened.
    std::uint64_t first_id() const { return first_id_; }
    /// Id of the newest event; 0: there is none.
    sqlite::Result<std::uint64_t> newest();
    /// All of it or nothing. Returns how many of the events had an id that is taken: they are not stored.
    sqlite::Result<std::size_t> commit(const Batch& batch);
    sqlite::Result<std::vector<Stored>> read(const Query& query);
    /// A new name is put behind the newest event.
    sqlite::Result<std::uint64_t> cursor(const std::string& name);
    /// The last `limit`, oldest first.
    sqlite::Result<std::vector<DeadLetter>> dead(std::size_t limit);
    /// The journal's own clock when it was last stored.
    sqlite::Result<Elapsed> elapsed();
    sqlite::Result<void> set_elapsed(Elapsed now);
    /// One short step of the retention: a few hundred events at most. Stores the clock. `now` never goes
    /// back. An event goes at the latest 1/64 of `keep` after it is that old; an undelivered event's entry
    /// goes with its event.
    sqlite::Result<Trimmed> trim(const Retention& retention, Elapsed now);

  private:
    explicit Store(sqlite::Database database) : database_(std::move(database)) {}

    sqlite::Result<void> reserve_ids(std::uint64_t at_least);
    sqlite::Result<std::size_t> insert(const std::vector<publish::PublishedPtr>& events);
    sqlite::Result<void> keep(const std::set<std::string>& names);
    sqlite::Result<void> move(const Batch& batch);
    sqlite::Result<policies::Bytes> used();
    sqlite::Result<std::map<std::string, std::uint64_t>> positions();
    sqlite::Result<std::uint64_t> aged(const Retention& retention, Elapsed now);
    sqlite::Result<std::vector<std::uint64_t>> outdated(const Retention& retention, std::uint64_t aged,
                                                        std::uint64_t unread_from);
    sqlite::Result<void> remove(const std::vector<std::uint64_t>& ids);

    sqlite::Database database_;
    std::uint64_t reserved_ = 0;  ///< the last id that is reserved
    std::uint64_t first_id_ = 1;
};

}  // namespace governor::journal
