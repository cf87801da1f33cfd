// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/hierarchy.hpp"
#include "governor/app.hpp"
#include "governor/publish/line_writer.hpp"
#include "governor/publish/publisher.hpp"
#include "policies/diagnostics.hpp"

#include <string>
#include <vector>

/// What the daemon says before it runs, and where its events go.
namespace governor {

/// One line each.
std::string render(const std::vector<policies::Diagnostic>& diagnostics);
/// Writes "governor: <text>" to standard error and returns the code.
int fail(ExitCode code, const std::string& text);
/// What must be so before anything is touched; an empty string when it is.
std::string check_hierarchy(const cgroups::Hierarchy& found);

/// As a systemd unit whose standard output is the journal.
bool to_journal();
publish::LineWriter::Options line_options(publish::Publisher::Format format);

}  // namespace governor
