// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"
#include "policies/load.hpp"

#include <string>
#include <vector>

namespace governor::cli {

/// A diagnostic as every command prints it with --json.
nlohmann::json to_json(const policies::Diagnostic& diagnostic);

struct CheckOptions {
    std::vector<std::string> paths;    ///< files and folders
    std::vector<std::string> compose;  ///< Compose files that the policies are for
    std::string project;               ///< the name of their project; empty: as the file or its folder says
    bool host = false;                 ///< also holds what they promise against this host's memory
    std::string proc = "/proc";        ///< where the host's memory is read
    bool json = false;
};

/// `governor check`: loads files and folders as `governor run` would and prints what is wrong, with --compose
/// also between them and the Compose files. Returns the exit code.
int check(const Console& console, const CheckOptions& options);

}  // namespace governor::cli
