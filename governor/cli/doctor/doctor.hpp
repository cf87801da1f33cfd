// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/app.hpp"
#include "governor/cli/console.hpp"
#include "governor/cli/doctor/check.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace governor::cli::doctor {

/// `governor doctor`: probes, judges, prints. Exit code: kUnreachable when Docker does not answer, else
/// kProblems with any FAIL.
int run(const Console& console, const RunOptions& options, bool json);

/// One line per check, the mend below what is not good, and a summary.
std::string to_text(const Console& console, const Checks& checks);
nlohmann::json to_json(const Checks& checks);
ExitCode exit_code(const Checks& checks, bool docker_reached);

}  // namespace governor::cli::doctor
