// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/publish/moment.hpp"
#include "governor/publish/record.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace governor::journal {

using publish::Moment;

/// The largest id that can be: SQLite counts in signed 64-bit numbers.
inline constexpr std::uint64_t kLastId = std::numeric_limits<std::int64_t>::max();

/// Which events are wanted. What is at its default matches all.
/// (Empty braces: GCC warns of designated initializers that leave the others out.)
struct Query {
    std::uint64_t after = 0;           ///< only greater ids
    std::uint64_t before = kLastId;    ///< only smaller ids
    std::optional<Moment> since{};     ///< at that time or later
    std::optional<Moment> until{};     ///< at that time or earlier
    std::string service{};             ///< service, project/service, or the container's name
    std::vector<std::string> types{};  ///< any of them
    std::size_t limit = 500;           ///< at most so many events
    bool newest = false;               ///< the last `limit` of them instead of the first

    /// The same answer as the database gives (`limit` and `newest` left aside). Pure.
    bool matches(const publish::Record& record) const;
};

/// An event as it was stored: what can be asked for, and the JSON line that everybody was shown.
struct Stored {
    std::uint64_t id = 0;
    Moment time;
    std::string type;
    std::string project;
    std::string service;
    std::string container;  ///< its name
    std::string json;       ///< one line, without a newline
    bool operator==(const Stored&) const = default;
};

/// Events in the order of their ids, or a sentence for a person why they cannot be read.
using Events = tl::expected<std::vector<Stored>, std::string>;

/// Reads what is durable, for readers with a position of their own (hooks, `since`). Loop's thread only.
class EventStore {
  public:
    using ReadDone = std::function<void(Events)>;
    using Committed = std::function<void(std::uint64_t up_to)>;

    EventStore() = default;
    EventStore(const EventStore&) = delete;
    EventStore& operator=(const EventStore&) = delete;
    virtual ~EventStore() = default;

    /// `done` is called later, on the loop, oldest event first. What was appended before this call and could
    /// be stored is found. While nothing can be stored, what memory holds is found too.
    virtual void read(Query query, ReadDone done) = 0;
    /// Calls `committed` on the loop when more events can be read than before; several commits may be told as
    /// one. The events are durable then, or nothing can be made durable at present and they are in memory
    /// only. Ends with the returned object.
    [[nodiscard]] virtual std::shared_ptr<void> on_committed(Committed committed) = 0;
};

}  // namespace governor::journal
