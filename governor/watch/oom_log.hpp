// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/kernel_log.hpp"
#include "cgroup/kmsg.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace governor::watch {

/// The OOM reports of the kernel's log, in order. What the log held already when the daemon started is given
/// only from where the daemon before it had told everything: so that an OOM kill is told once over a restart
/// of the governor. Loop's thread only.
class OomLog {
  public:
    struct Heard {
        cgroups::OomReport report;
        bool missed = false;  ///< it happened while no governor ran
    };

    /// `told` is the last sequence that was told before; absent: the past is left alone.
    OomLog(cgroups::KernelLog log, std::optional<std::uint64_t> told)
        : log_(std::move(log)), told_(told), sequence_(told.value_or(0)) {}

    /// The next report; nothing when no more is there now, or when so many other lines were read that the
    /// loop should turn first: then more() is true.
    std::optional<Heard> next();
    bool more() const { return more_; }
    /// What the log held at the start has been read.
    bool caught_up() const { return caught_up_; }
    /// How often records were overwritten before they were read; why reading has failed for good.
    std::uint64_t lost() const { return log_.lost(); }
    const std::string& failure() const { return failure_; }
    int fd() const { return log_.fd(); }

    /// The kill of that report was told. One that is not told within half a minute was nobody's.
    void was_told(std::uint64_t sequence);
    /// All reports up to this one were told.
    std::uint64_t cursor() const;

  private:
    bool take(std::string_view text);

    cgroups::KernelLog log_;
    std::optional<std::uint64_t> told_;
    cgroups::OomReportAssembler assembler_;
    std::optional<Heard> heard_;
    std::map<std::uint64_t, std::chrono::microseconds> open_;
    std::uint64_t sequence_;
    std::uint64_t lost_seen_ = 0;
    bool caught_up_ = false;
    bool more_ = false;
    std::string failure_;
};

/// The file that keeps the cursor: sequences count from the boot.
std::string cursor_text(std::string_view boot_id, std::uint64_t sequence);
/// Nothing for another boot's, and for a text that is damaged.
std::optional<std::uint64_t> parse_cursor(std::string_view text, std::string_view boot_id);

}  // namespace governor::watch
