// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/parse.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The kernel's log, and what the OOM killer writes into it. Pure: `string_view` in, values out.
namespace cgroups {

/// One record of /dev/kmsg (kernel: Documentation/ABI/testing/dev-kmsg), without the dictionary that follows.
struct KmsgRecord {
    bool from_kernel = false;  ///< facility 0: user space cannot write such a record
    std::uint64_t sequence = 0;
    std::chrono::microseconds at{0};  ///< since boot, of the kernel's own clock: drifts from CLOCK_MONOTONIC
    bool continued = false;           ///< a piece of a line that was interrupted
    std::string_view text;            ///< as escaped by the kernel; a view of what was parsed
};
std::optional<KmsgRecord> parse_kmsg_record(std::string_view record);

/// Undoes the kernel's "\x0a" for one byte. What is no such escape stays.
std::string unescape_kmsg(std::string_view text);

/// One process that the OOM killer killed: one increment of `oom_kill` in memory.events.
struct OomReport {
    /// Whose shortage it was.
    enum class Constraint : std::uint8_t {
        kUnknown,  ///< the kernel left the line out (it prints ten reports in 5 s at most)
        kMemcg,    ///< the limit of a cgroup
        kHost,     ///< the host itself, or a cpuset or NUMA policy of it
    };
    Constraint constraint = Constraint::kUnknown;
    std::string
        oom_memcg;  ///< the cgroup whose limit it was, from the root of the hierarchy; empty: not told
    std::string task_memcg;      ///< the victim's cgroup; empty: not told
    bool group = false;          ///< killed along with another one, because of memory.oom.group
    bool memcg_message = false;  ///< the kill itself was announced as a cgroup's, not as the host's

    int pid = 0;  ///< of the host's pid namespace
    std::string comm;
    Bytes rss;  ///< anonymous, file and shared memory together
    int oom_score_adj = 0;

    std::uint64_t sequence = 0;  ///< of the record that tells of the kill
    std::chrono::microseconds at{0};
    bool operator==(const OomReport&) const = default;
};

/// Puts a report together from the lines that the kernel spreads it over (mm/oom_kill.c, 5.x and 6.x):
/// "oom-kill:constraint=…" says whose shortage it was and who was chosen, "… Killed process …" tells of the
/// kill, once for each process. The kernel's oom_lock keeps the lines of two kills from mixing; other lines
/// may stand between them. A line that is cut off or not understood is passed over.
class OomReportAssembler {
  public:
    /// The report that this record completes.
    std::optional<OomReport> feed(const KmsgRecord& record);
    /// Records were lost: what came before them belongs to nothing that follows.
    void interrupted();

  private:
    bool take_choice(std::string_view line);
    bool take_group(std::string_view line);
    std::optional<OomReport> take_kill(std::string_view line, const KmsgRecord& record);

    std::string choice_;  ///< an "oom-kill:" line that waits for its end
    std::optional<OomReport> chosen_;
    std::chrono::microseconds chosen_at_{0};
};

}  // namespace cgroups
