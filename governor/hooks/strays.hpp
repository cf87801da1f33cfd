// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace governor::hooks {

/// The variable by which everything that a run of a program started is known, whatever session it made.
inline const std::string kRunVariable = "GOVERNOR_RUN=";

/// A value for it that no other run of any governor on this host has. Any thread.
std::string new_run();

/// Kills every process below `proc` whose environment has this run, until a look finds none, with a limit.
/// One that has emptied its environment is not found. Blocks for as long as /proc takes; any thread.
void kill_strays(const std::string& proc, const std::string& run);

}  // namespace governor::hooks
