// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"

#include <string>
#include <vector>

namespace governor::cli {

struct AnnotateOptions {
    std::string compose;                ///< path
    std::vector<std::string> policies;  ///< files and folders
    std::string project;                ///< empty: as the file, or its folder, says
    std::string host_memory;            ///< a size; empty: this host's
    std::string output;                 ///< path; empty: standard output
    std::string proc = "/proc";
    bool check = false;
    bool json = false;
};

/// `governor annotate`: prints a Compose file with the annotations that its policies ask for, or with --check
/// what differs. Returns the exit code.
int annotate(const Console& console, const AnnotateOptions& options);

}  // namespace governor::cli
