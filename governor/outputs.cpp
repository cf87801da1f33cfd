// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/outputs.hpp"

#include "governor/publish/journald.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace governor {

std::string render(const std::vector<policies::Diagnostic>& diagnostics) {
    std::string out;
    for (const policies::Diagnostic& diagnostic : diagnostics) out += policies::to_string(diagnostic) + "\n";
    return out;
}

int fail(ExitCode code, const std::string& text) {
    std::fprintf(stderr, "governor: %s\n", text.c_str());
    return code;
}

std::string check_hierarchy(const cgroups::Hierarchy& found) {
    if (found.mount.empty() || found.mode == cgroups::Mode::kLegacy)
        return "this host has no cgroup v2 (unified) hierarchy mounted. Boot it with "
               "systemd.unified_cgroup_hierarchy=1, and mount "
               "/sys/fs/cgroup into the container.";
    if (!found.memory_controller)
        return "the cgroup v2 hierarchy at " + found.mount +
               " has no memory controller (cgroup.controllers does not name it). Is it on cgroup v1, or "
               "switched off with cgroup_disable=memory? "
               "In a container, use `cgroup: host`.";
    if (!found.writable)
        return "the cgroup v2 hierarchy at " + found.mount +
               " is read-only from here. Mount it with `/sys/fs/cgroup:/sys/fs/cgroup:rw`, and run as root.";
    return {};
}

bool to_journal() {
    return publish::is_journal_stream(STDOUT_FILENO, std::getenv("JOURNAL_STREAM"));
}

publish::LineWriter::Options line_options(publish::Publisher::Format format) {
    publish::LineWriter::Options out;
    out.gap_line = publish::gap_line(format, [] { return std::chrono::system_clock::now(); });
    if (to_journal())
        out.deliver = [journal = std::make_shared<publish::Journal>()](const std::string& entry) {
            return journal->send(entry);
        };
    return out;
}

}  // namespace governor
