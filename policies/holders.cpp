// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/holders.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace policies {
namespace {

using Processes = std::span<const ProcessMemory>;
/// Siblings: the same parent and the same executable. Where the executable cannot be read (no
/// CAP_SYS_PTRACE), the name stands for it.
using Group = std::tuple<int, std::uint64_t, std::uint64_t, std::string>;

Group group_of(const ProcessMemory& process) {
    const bool known = process.exe_inode != 0;
    return {process.parent, process.exe_device, process.exe_inode, known ? std::string() : process.comm};
}

std::int64_t growth_of(const ProcessMemory& process) {
    if (!process.before || process.since <= Duration{0}) return 0;
    const double grown =
        static_cast<double>(process.anonymous.value) - static_cast<double>(process.before->value);
    return static_cast<std::int64_t>(grown / std::chrono::duration<double>(process.since).count());
}

Holder holder_of(const ProcessMemory& process) {
    Holder holder{process.pid, {}, process.freed_by_end, growth_of(process)};
    const std::size_t length = std::min(process.comm.size(), holder.comm.size() - 1);
    std::copy_n(process.comm.begin(), length, holder.comm.begin());
    return holder;
}

bool is_named(const Recycle& recycle, const ProcessMemory& process) {
    return std::any_of(recycle.processes.begin(), recycle.processes.end(), [&](const std::string& glob) {
        return glob_matches(glob, process.comm) || glob_matches(glob, process.command_line);
    });
}

/// The container's processes by what they are to each other.
class Tree {
  public:
    explicit Tree(Processes processes, int main) : main_(main) {
        for (const ProcessMemory& process : processes) {
            pids_.insert(process.pid);
            ++siblings_[group_of(process)];
        }
    }
    bool has_parent_inside(const ProcessMemory& process) const {
        return process.pid != main_ && process.parent != 0 && pids_.count(process.parent) != 0;
    }
    bool has_sibling(const ProcessMemory& process) const {
        const auto found = siblings_.find(group_of(process));
        return found != siblings_.end() && found->second > 1;
    }

  private:
    int main_;
    std::set<int> pids_;
    std::map<Group, int> siblings_;
};

/// Those that a parent replaces: children of a pool, or what the policy names.
std::vector<const ProcessMemory*> replaceable(const Recycle& recycle, Processes processes, int main,
                                              Rule& refused) {
    const Tree tree(processes, main);
    std::vector<const ProcessMemory*> out;
    refused = recycle.processes.empty() ? Rule::kNoPool : Rule::kNoProcessMatches;
    for (const ProcessMemory& process : processes) {
        if (!tree.has_parent_inside(process)) continue;
        const bool wanted =
            recycle.processes.empty() ? tree.has_sibling(process) : is_named(recycle, process);
        if (wanted) out.push_back(&process);
    }
    // A pool's parent may itself be the child of a pool (two servers below one supervisor), or match a name.
    std::set<int> parents;
    for (const ProcessMemory* process : out) parents.insert(process->parent);
    std::erase_if(out, [&](const ProcessMemory* process) { return parents.count(process->pid) != 0; });
    return out;
}

/// Of a process whose look before is missing, the smallest of its siblings stands for it: one that has not
/// leaked yet.
double grown(const ProcessMemory& process, Bytes smallest_sibling) {
    const Bytes before = process.before.value_or(smallest_sibling);
    return std::max(0.0, static_cast<double>(process.anonymous.value) - static_cast<double>(before.value));
}

struct Growth {
    double pool = 0;
    double others = 0;
};

Growth growth(Processes processes, const std::vector<const ProcessMemory*>& pool) {
    Growth out;
    const auto smallest = std::min_element(
        pool.begin(), pool.end(), [](const auto* a, const auto* b) { return a->anonymous < b->anonymous; });
    for (const ProcessMemory& process : processes) {
        const bool inside = std::find(pool.begin(), pool.end(), &process) != pool.end();
        if (inside) {
            out.pool += grown(process, (*smallest)->anonymous);
        } else {
            out.others += grown(process, process.anonymous);
        }
    }
    return out;
}

const ProcessMemory* find(Processes processes, int pid) {
    const auto found =
        std::find_if(processes.begin(), processes.end(), [pid](const auto& one) { return one.pid == pid; });
    return found == processes.end() ? nullptr : &*found;
}

void list_largest(Survey& out, Processes processes) {
    std::vector<const ProcessMemory*> order;
    for (const ProcessMemory& process : processes) {
        out.held = out.held + process.proportional;
        order.push_back(&process);
    }
    out.count = std::min(order.size(), Survey::kMost);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(out.count), order.end(),
                      [](const auto* a, const auto* b) {
                          return std::tie(b->freed_by_end, a->pid) < std::tie(a->freed_by_end, b->pid);
                      });
    for (std::size_t i = 0; i < out.count; ++i) out.largest[i] = holder_of(*order[i]);
}

}  // namespace

Permille Survey::share(const Holder& holder) const {
    if (held.value == 0) return {};
    const double share = static_cast<double>(holder.bytes.value) / static_cast<double>(held.value);
    return {static_cast<std::int32_t>(std::min(1.0, share) * 1000)};
}

Survey survey(const Recycle& recycle, Processes processes, int main) {
    Survey out;
    out.processes = processes.size();
    list_largest(out, processes);
    if (main == 0 || find(processes, main) == nullptr) return out;
    const auto pool = replaceable(recycle, processes, main, out.refused);
    if (pool.empty()) return out;
    const ProcessMemory& best =
        **std::max_element(pool.begin(), pool.end(), [](const auto* a, const auto* b) {
            return std::tie(a->freed_by_end, b->pid) < std::tie(b->freed_by_end, a->pid);
        });
    const Growth grew = growth(processes, pool);
    out.pool_explains_growth = grew.pool >= grew.others;
    // What grows in the parent is still there when a child was replaced.
    const ProcessMemory* parent = find(processes, best.parent);
    const ProcessMemory* first = find(processes, main);
    for (const ProcessMemory* above : {parent, first}) {
        const bool grows = grown(*above, above->anonymous) > grew.pool;
        const bool holds_most = !above->before && above->freed_by_end > best.freed_by_end &&
                                above->freed_by_end.value >= out.held.value / 2;
        if (grows || holds_most) {
            out.refused = Rule::kParentHolds;
            return out;
        }
    }
    out.refused = Rule::kNone;
    out.candidate = holder_of(best);
    return out;
}

}  // namespace policies
