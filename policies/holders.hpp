// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"
#include "policies/policy.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace policies {

/// What was read of one process of a container, while the container was frozen or not.
struct ProcessMemory {
    int pid = 0;     ///< in the host's pid namespace
    int parent = 0;  ///< 0: not known
    /// The file that it runs: device and inode. Both 0: not known (a kernel thread, or no permission).
    std::uint64_t exe_device = 0;
    std::uint64_t exe_inode = 0;
    std::string comm;          ///< /proc/<pid>/comm: at most 15 bytes, chosen by the process
    std::string command_line;  ///< arguments joined by blanks; may be cut
    Bytes anonymous{};         ///< anonymous memory and swap; pages shared since a fork count in full
    Bytes freed_by_end{};      ///< private pages and its share of swap; `anonymous` where that was not read
    Bytes proportional{};  ///< anonymous memory and swap, shared pages by share; `anonymous` where not read
    std::optional<Bytes> before;  ///< `anonymous` at the look before
    Duration since{0};            ///< how long ago that was
};

/// What the processes of a container hold, and which of them could be recycled.
struct Survey {
    static constexpr std::size_t kMost = 5;
    std::array<Holder, kMost> largest{};  ///< largest first
    std::size_t count = 0;                ///< how many of `largest` are set
    std::size_t processes = 0;            ///< of the container
    Bytes held{};                         ///< anonymous memory and swap of all processes together
    /// The child of a pool whose end frees the most; pid 0: none, and `refused` has the reason.
    Holder candidate;
    Rule refused = Rule::kProcessesUnseen;  ///< kNone when there is a candidate
    bool pool_explains_growth = false;      ///< its pool's children grew by at least half of all growth
    /// Of what all processes hold.
    Permille share(const Holder& holder) const;
    std::span<const Holder> holders() const { return {largest.data(), count}; }
    bool operator==(const Survey&) const = default;
};

/// Chooses the process whose end frees the most and that a parent replaces: one that has a sibling with the
/// same executable and parent, or one that `recycle.processes` names. Never `main` (PID 1), never the parent
/// of such a process, never one whose parent is not in the container (`docker exec`). `main` 0: not known,
/// and nothing is chosen.
Survey survey(const Recycle& recycle, std::span<const ProcessMemory> processes, int main);

}  // namespace policies
