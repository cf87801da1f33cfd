// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/transport.hpp"

#include <chrono>
#include <optional>

namespace governor::hooks {

/// What a target is told. Loop's thread only; no I/O.
class Content {
  public:
    using WallTime = std::chrono::system_clock::time_point;

    Content() = default;
    Content(const Content&) = delete;
    Content& operator=(const Content&) = delete;
    virtual ~Content() = default;

    /// For the event that is next in the journal; nothing: there is nothing to send for it. Asked again for
    /// each attempt.
    virtual std::optional<Parcel> for_event(const journal::Stored& event, WallTime now) = 0;
    /// Without an event: what is due by itself now, or when to ask again. Neither: not before the next event.
    struct Due {
        std::optional<Parcel> parcel;
        std::optional<WallTime> next;
    };
    virtual Due due(WallTime now) = 0;
    /// The parcel that was asked for last was delivered, or is given up for good.
    virtual void settled(WallTime now) = 0;
};

}  // namespace governor::hooks
