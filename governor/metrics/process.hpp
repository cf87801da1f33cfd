// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/metrics/snapshot.hpp"

#include <string>

namespace governor::metrics {

/// The governor's own memory, CPU time and descriptors, now. `proc` is where procfs is mounted; what cannot
/// be read there is left out. `started` is passed on.
ProcessView look_at_self(const std::string& proc, std::chrono::system_clock::time_point started);

}  // namespace governor::metrics
