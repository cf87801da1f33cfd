// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/result.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cgroups {

/// Reads /dev/kmsg from the oldest record that the kernel still has, without blocking. Needs CAP_SYSLOG where
/// kernel.dmesg_restrict is 1, and in a container the device. One reader; not thread-safe.
class KernelLog {
  public:
    static constexpr const char* kPath = "/dev/kmsg";

    /// `path` is kPath, or a file or FIFO made by a test that gives one record for each read.
    static Result<KernelLog> open(const std::string& path);

    /// The next record, as text for parse_kmsg_record(); valid until the next call. Empty: none is there now.
    /// When the kernel has overwritten what was not read yet, lost() grows and reading goes on with the
    /// oldest record that is left.
    Result<std::string_view> next();
    /// How often records were lost.
    std::uint64_t lost() const { return lost_; }
    /// For waiting with POLLIN. Owned by this object.
    int fd() const { return fd_.get(); }

  private:
    explicit KernelLog(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    UniqueFd fd_;
    std::string path_;
    std::uint64_t lost_ = 0;
    /// A record with its dictionary is at most 8 KiB (kernel: PRINTKRB_RECORD_MAX and its escapes).
    std::array<char, 16384> buffer_{};
};

}  // namespace cgroups
