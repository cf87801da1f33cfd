// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"

#include <string>
#include <vector>

namespace governor::cli {

/// `governor check`: loads files and folders as `governor run` would and prints what is wrong. Returns the
/// exit code.
int check(const Console& console, const std::vector<std::string>& paths, bool json);

}  // namespace governor::cli
