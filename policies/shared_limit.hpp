// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/step.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// The decision when several governed containers below one limit come near it together: which of them gives
/// way. Pure, like step().
namespace policies {

/// A governed container below the limit.
struct BelowLimit {
    std::size_t index = 0;        ///< the caller's
    std::optional<int> priority;  ///< absent: gives way after all that have one
    double growth = 0;            ///< bytes of unreclaimable memory per second
    Bytes unreclaimable;
    bool ready = false;    ///< can_give_way()
    bool leaving = false;  ///< is being stopped or restarted: its memory is about to be free
};

struct GivingWay {
    enum class What : std::uint8_t {
        kNone,  ///< no container is ready: the one that came near the limit follows its own policy
        kWait,  ///< one is leaving already: what it frees must show first
        kOne,   ///< `index` gives way
    };
    What what = What::kNone;
    std::size_t index = 0;
};

/// The lowest priority gives way, of equals the one that grows fastest, then the largest. One that holds less
/// than a tenth of `limit` is not chosen: its restart would cost its work and free too little. Does not
/// allocate.
GivingWay choose_below(Bytes limit, std::span<const BelowLimit> containers);

/// Whether the container is on its way out or back: stopped by the governor, or by an operator.
bool is_leaving(const State& state);

}  // namespace policies
