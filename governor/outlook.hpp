// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"
#include "governor/controller.hpp"

#include <nlohmann/json.hpp>

namespace governor {

/// What `explain` says of a container's processes: the largest, and what would be done near OOM now and why.
/// Reads counters only, which takes no lock of a process, so it may run on the loop's thread.
nlohmann::json describe_outlook(const Controller& controller, const cgroups::Processes& processes);

}  // namespace governor
