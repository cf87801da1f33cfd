// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

/// What a delivery at least once, in order, needs to remember over restarts.
namespace governor::journal {

/// Named positions: the id of the last event that a target was given. Events behind the slowest cursor are
/// not deleted before the journal has twice its size. Loop's thread only.
class Cursors {
  public:
    using Loaded = std::function<void(std::uint64_t after)>;

    Cursors() = default;
    Cursors(const Cursors&) = delete;
    Cursors& operator=(const Cursors&) = delete;
    virtual ~Cursors() = default;

    /// Calls `loaded` later, on the loop: read on after that id. A name that is new starts behind the newest
    /// event, and is known from now on. While the database cannot be read, a name that this process has not
    /// moved yet starts before the oldest event that memory holds.
    virtual void load_cursor(std::string name, Loaded loaded) = 0;
    /// All up to `id` is delivered. Never moves back. After a crash an earlier id may be loaded: the events
    /// between come again, with the same ids.
    virtual void advance_cursor(const std::string& name, std::uint64_t id) = 0;
    /// All targets that there are: every other name is forgotten and holds no event any more, also one that
    /// went while no governor ran.
    virtual void keep_cursors(std::set<std::string> names) = 0;
};

/// An event that a target could not be given, and never will.
struct DeadLetter {
    std::string target;
    std::uint64_t event = 0;  ///< id
    int attempts = 0;
    std::string error;  ///< of the last attempt; no secrets
    Moment time;        ///< of the last attempt
    std::string json;   ///< the event; filled in by list_dead(), empty when the event was deleted since
    bool operator==(const DeadLetter&) const = default;
};

/// Kept as long as events are. Loop's thread only.
class DeadLetters {
  public:
    using Letters = tl::expected<std::vector<DeadLetter>, std::string>;
    using Listed = std::function<void(Letters)>;

    DeadLetters() = default;
    DeadLetters(const DeadLetters&) = delete;
    DeadLetters& operator=(const DeadLetters&) = delete;
    virtual ~DeadLetters() = default;

    /// The same target and event again replaces the older letter.
    virtual void add_dead(DeadLetter letter) = 0;
    /// The last `limit` of them, oldest first; `listed` is called later, on the loop. The error is a sentence
    /// for a person.
    virtual void list_dead(std::size_t limit, Listed listed) = 0;
};

}  // namespace governor::journal
