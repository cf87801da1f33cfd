// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace governor::hooks {

/// What is handed to a target in one attempt.
struct Parcel {
    journal::Stored event;     ///< id 0: no event, but alerts that are sent again
    std::string body;          ///< a webhook's
    std::string content_type;  ///< a webhook's
};

/// How one attempt ended.
struct Outcome {
    enum class Kind : std::uint8_t {
        kDelivered,
        kFailed,   ///< may go well another time
        kRefused,  ///< the target will never take this very event
    };
    Kind kind = Kind::kDelivered;
    std::string error;                                ///< one sentence for a person; holds no secret
    std::optional<std::chrono::seconds> retry_after;  ///< the target asked for it
};

/// Carries parcels to one target. Called on that target's own thread, one call at a time; may block until the
/// target's timeout, and gives up soon after `stop` became true.
class Transport {
  public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    virtual Outcome deliver(const Parcel& parcel, const std::atomic<bool>& stop) = 0;
};

}  // namespace governor::hooks
