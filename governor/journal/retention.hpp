// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/bytes.hpp"

#include <chrono>

namespace governor::journal {

/// What is kept: an event goes when it is older than `keep`, and the oldest go when all take more than
/// `size`.
struct Retention {
    std::chrono::milliseconds keep = std::chrono::hours(24 * 30);
    policies::Bytes size{64U << 20U};
};

/// Less would throw away what has just happened.
inline constexpr std::chrono::milliseconds kLeastKeep = std::chrono::minutes(1);
inline constexpr policies::Bytes kLeastSize{1U << 20U};

}  // namespace governor::journal
