// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/reserve/survey.hpp"

#include <algorithm>

namespace governor::reserve {
namespace {

using cgroups::Bytes;
using cgroups::ProtectionLevel;

Bytes protected_part(Bytes usage, Bytes setting) {
    return std::min(usage, setting);
}

void grow_to(ProtectionLevel& level, Bytes usage) {
    if (usage <= level.usage) return;
    level.siblings_min.value +=
        protected_part(usage, level.min).value - protected_part(level.usage, level.min).value;
    level.siblings_low.value +=
        protected_part(usage, level.low).value - protected_part(level.usage, level.low).value;
    level.usage = usage;
}

/// All levels hold `more` more than they do.
void grow(std::vector<ProtectionLevel>& levels, Bytes more) {
    for (ProtectionLevel& level : levels) grow_to(level, {level.usage.value + more.value});
}

/// The levels were read one after the other, and a container that is starting grows meanwhile: a parent holds
/// at least what its child does.
void make_consistent(std::vector<ProtectionLevel>& levels) {
    for (std::size_t i = levels.size() - 1; i > 0; --i) grow_to(levels[i - 1], levels[i].usage);
}

template <class Field>
std::string narrow(const std::vector<ProtectionLevel>& levels, Bytes asked, Field field) {
    for (const ProtectionLevel& level : levels)
        // The kernel keeps whole pages.
        if (level.*field < asked && asked.value - (level.*field).value >= 65536) return level.path;
    return {};
}

void adjust(const Question& question, const cgroups::Processes& processes, Finding& out) {
    const auto pids = question.run->directory.pids();
    if (!pids) return;
    for (const int pid : *pids) {
        if (pid <= 0) continue;
        const auto now = processes.oom_score_adj(pid);
        // A process that has just ended is no problem.
        if (!now || *now == *question.oom_score_adj) continue;
        const auto process = cgroups::PidFd::open(pid, question.run->directory, processes);
        // It ended, or it left: the number is not the container's.
        if (!process && (process.error().gone() || process.error().code == std::errc::permission_denied))
            continue;
        const auto set = process ? processes.set_oom_score_adj(*process, *question.oom_score_adj)
                                 : tl::make_unexpected(process.error());
        if (set) {
            ++out.adjusted;
        } else if (!set.error().gone()) {
            out.adj_problem = set.error().message();
        }
    }
}

}  // namespace

cgroups::EffectiveProtection guaranteed(std::vector<ProtectionLevel> levels, Bytes asked_min, Bytes asked_low,
                                        bool recursive) {
    if (levels.empty()) return {};
    make_consistent(levels);
    const Bytes usage = levels.back().usage;
    const Bytes asked = std::max(asked_min, asked_low);
    if (asked > usage && asked != cgroups::kMax) grow(levels, {asked.value - usage.value});
    return cgroups::effective_protection(levels, recursive);
}

Finding survey(const Question& question, const std::string& mount, bool recursive,
               const cgroups::Processes& processes) {
    Finding out;
    out.id = question.id;
    if (question.oom_score_adj) adjust(question, processes, out);
    if (!question.min && !question.low) return out;
    const auto levels = cgroups::read_protection(mount, question.run->directory.path());
    if (!levels || levels->empty()) return out;
    const Bytes min = question.min.value_or(Bytes{});
    const Bytes low = question.low.value_or(Bytes{});
    out.known = true;
    out.effective = cgroups::effective_protection(*levels, recursive);
    out.guaranteed = guaranteed(*levels, min, low, recursive);
    out.narrow_min = narrow(*levels, min, &ProtectionLevel::min);
    out.narrow_low = narrow(*levels, low, &ProtectionLevel::low);
    return out;
}

}  // namespace governor::reserve
