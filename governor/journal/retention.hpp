// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/bytes.hpp"

#include <chrono>

namespace governor::journal {

/// The clock by which events grow old: how long the journal has been in use. It stands while no governor
/// runs, and no jump of the wall clock moves it.
using Elapsed = std::chrono::milliseconds;

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
