// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/diagnostics.hpp"
#include "policies/load.hpp"
#include "policies/policy.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace governor::cli::compose {

/// Warns of each service that shares a namespace (`network_mode`, `pid`, `ipc` with "service:NAME" or
/// "container:NAME") of a service whose policy restarts it: a restart replaces the namespace, and who shares
/// the old one is left with it. `project`: the project's name; empty: as the file's `name:` says, else
/// `folder`. Errors when the file cannot be read as a Compose file. Pure.
std::vector<policies::Diagnostic> check_joiners(const policies::Source& compose, std::string_view project,
                                                std::string_view folder, const policies::Policy& policy);

}  // namespace governor::cli::compose
