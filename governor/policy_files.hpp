// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/load.hpp"

#include <string>
#include <vector>

namespace governor {

/// Reads policy files and folders (their *.yaml and *.yml, by name) and loads them as one policy, with the
/// process's environment for
/// `${NAME}`. A path that is missing or cannot be read, and a folder without policies, are diagnostics like
/// any other. Blocking; for start, reload and `governor check`.
policies::LoadResult load_policy_files(const std::vector<std::string>& paths);

}  // namespace governor
