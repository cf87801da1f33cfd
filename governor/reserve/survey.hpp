// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"
#include "cgroup/protection.hpp"
#include "governor/ports.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A look at what is really honoured, for the worker's thread: it lists directories and processes.
namespace governor::reserve {

struct Question {
    std::string id;
    std::shared_ptr<Run> run;
    std::optional<cgroups::Bytes> min;
    std::optional<cgroups::Bytes> low;
    std::optional<int> oom_score_adj;
};

struct Finding {
    std::string id;
    bool known = false;  ///< false: the container was going away, or a file could not be read
    cgroups::EffectiveProtection effective;
    /// What would be honoured if it used all that it asked for.
    cgroups::EffectiveProtection guaranteed;
    /// The topmost cgroup on the way that protects less than is asked ("/sys/fs/cgroup/system.slice"); empty
    /// when none does.
    std::string narrow_min;
    std::string narrow_low;
    int adjusted = 0;         ///< processes whose oom_score_adj was set
    std::string adj_problem;  ///< why one could not be; empty when all is well
};

/// How much would be honoured if the last level used `asked_min` and `asked_low`.
cgroups::EffectiveProtection guaranteed(std::vector<cgroups::ProtectionLevel> levels,
                                        cgroups::Bytes asked_min, cgroups::Bytes asked_low, bool recursive);

/// Answers one question. Only reads, and sets oom_score_adj where it differs. Any thread.
Finding survey(const Question& question, const std::string& mount, bool recursive,
               const cgroups::Processes& processes);

}  // namespace governor::reserve
