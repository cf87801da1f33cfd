// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/store.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace governor::journal {

/// What waits to be stored, bounded: when it is full the oldest event goes and is counted. No lock of its
/// own.
class Inbox {
  public:
    explicit Inbox(std::size_t capacity) : capacity_(capacity) {}

    void add(publish::PublishedPtr event);
    void add(DeadLetter letter);
    /// Never moves one back.
    void set_cursor(const std::string& name, std::uint64_t position);
    /// Every other one is forgotten.
    void keep_cursors(std::set<std::string> names);

    /// The oldest `limit` events and all else. It stays in here until settle() tells whether it is stored.
    Batch take(std::size_t limit);
    /// After take(): false puts all of it back.
    void settle(bool stored);

    bool empty() const;
    /// Events that wait, with those that are being stored.
    std::size_t size() const { return waiting_.size() + taken_.events.size(); }
    /// Events that were dropped since the beginning.
    std::uint64_t dropped_in_all() const { return dropped_in_all_; }
    /// Events that were dropped since the last call.
    std::uint64_t take_dropped();
    /// What was set and is not stored yet; nothing: no change waits.
    std::optional<std::uint64_t> cursor(const std::string& name) const;
    /// The waiting events that match, as they will be stored; obeys `limit` and `newest`.
    std::vector<Stored> find(const Query& query) const;
    /// Id of the oldest and newest waiting event; 0: none waits.
    std::uint64_t oldest() const { return waiting_.empty() ? 0 : waiting_.front()->record.sequence; }
    std::uint64_t newest() const { return waiting_.empty() ? 0 : waiting_.back()->record.sequence; }

  private:
    std::size_t capacity_;
    std::deque<publish::PublishedPtr> waiting_;
    std::map<std::string, std::uint64_t> cursors_;
    std::optional<std::set<std::string>> kept_;
    std::deque<DeadLetter> dead_;
    Batch taken_;
    std::uint64_t dropped_ = 0;
    std::uint64_t dropped_in_all_ = 0;
};

}  // namespace governor::journal
