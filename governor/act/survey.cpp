// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/survey.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace governor::act {
namespace {

using namespace std::chrono_literals;
using policies::Bytes;
using policies::ProcessMemory;

/// A container with more processes is no pool that one of them leaks in; the rest is left out.
constexpr std::size_t kMostProcesses = 512;
/// On the loop's thread, at some 30 us each.
constexpr std::size_t kMostOnLoop = 128;
/// The container is frozen meanwhile. Checked between two processes: one that is large may take longer.
constexpr auto kPageTableBudget = 5ms;

struct Seen {
    ProcessMemory memory;
    std::uint64_t start = 0;
};

Seen seen_of(const cgroups::ProcessLook& look, const Run::Look& before, policies::TimePoint now) {
    Seen seen{memory_of(look), look.start};
    if (before.at == policies::TimePoint{}) return seen;
    // One that was not there at the look before has grown from nothing.
    const auto known = before.held.find({look.pid, look.start});
    seen.memory.before = known != before.held.end() ? known->second : Bytes{};
    seen.memory.since = now - before.at;
    return seen;
}

std::vector<int> pids_of(const Run& run, std::size_t most) {
    std::vector<int> pids = run.directory.pids().value_or(std::vector<int>{});
    // 0 is a process that is not visible from this pid namespace.
    std::erase_if(pids, [](int pid) { return pid <= 0; });
    pids.resize(std::min(pids.size(), most));
    return pids;
}

std::vector<Seen> look_at_all(const SurveyOrder& order, policies::TimePoint now) {
    std::vector<Seen> out;
    for (const int pid : pids_of(*order.run, kMostProcesses)) {
        auto look = order.processes.look(pid);
        if (!look) continue;
        look->command_line = order.processes.command_line(pid);
        out.push_back(seen_of(*look, order.before, now));
    }
    return out;
}

/// The largest first: of them it matters.
void read_page_tables(const SurveyOrder& order, std::vector<Seen>& all, policies::TimePoint began) {
    std::sort(all.begin(), all.end(),
              [](const Seen& a, const Seen& b) { return b.memory.anonymous < a.memory.anonymous; });
    for (Seen& seen : all) {
        if (order.clock() - began > kPageTableBudget) return;
        const auto pages = order.processes.pages(seen.memory.pid);
        if (!pages) continue;
        seen.memory.freed_by_end = Bytes{pages->private_pages.value};
        seen.memory.proportional = Bytes{pages->proportional.value};
    }
}

/// Held by pidfd, and still the process that was surveyed.
std::shared_ptr<const cgroups::PidFd> open_candidate(const SurveyOrder& order, const Seen& seen) {
    auto opened = cgroups::PidFd::open(seen.memory.pid, order.run->directory, order.processes);
    if (!opened) return nullptr;
    const auto now = order.processes.parent_and_start(seen.memory.pid);
    if (!now || now->second != seen.start || !opened->has_number()) return nullptr;
    return std::make_shared<const cgroups::PidFd>(std::move(*opened));
}

int main_of(const Run& run) {
    return run.main ? run.main->number() : 0;
}

}  // namespace

ProcessMemory memory_of(const cgroups::ProcessLook& look) {
    ProcessMemory memory;
    memory.pid = look.pid;
    memory.parent = look.parent;
    memory.exe_device = look.exe_device;
    memory.exe_inode = look.exe_inode;
    memory.comm = look.comm;
    memory.command_line = look.command_line;
    memory.anonymous = memory.freed_by_end = memory.proportional = Bytes{look.anonymous.value};
    return memory;
}

SurveyFindings survey_processes(const SurveyOrder& order) {
    SurveyFindings out;
    const policies::TimePoint began = order.clock();
    std::vector<Seen> all = look_at_all(order, began);
    read_page_tables(order, all, began);
    out.look.at = began;
    std::vector<ProcessMemory> processes;
    for (const Seen& seen : all) {
        processes.push_back(seen.memory);
        out.look.held.emplace(std::pair(seen.memory.pid, seen.start), seen.memory.anonymous);
    }
    out.survey = policies::survey(order.recycle, processes, main_of(*order.run));
    const auto found = std::find_if(all.begin(), all.end(), [&](const Seen& seen) {
        return out.survey.candidate.pid != 0 && seen.memory.pid == out.survey.candidate.pid;
    });
    if (found == all.end()) return out;
    out.candidate = open_candidate(order, *found);
    out.candidate_parent = found->memory.parent;
    if (!out.candidate) {
        out.survey.candidate = {};
        out.survey.refused = policies::Rule::kProcessesUnseen;
    }
    return out;
}

policies::Survey survey_counters(const Run& run, const policies::Recycle& recycle,
                                 const cgroups::Processes& processes) {
    std::vector<ProcessMemory> all;
    for (const int pid : pids_of(run, kMostOnLoop))
        if (const auto look = processes.look(pid))
            all.push_back(seen_of(*look, run.look, run.look.at).memory);
    return policies::survey(recycle, all, main_of(run));
}

}  // namespace governor::act
