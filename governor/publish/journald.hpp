// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "governor/publish/record.hpp"

#include <string>
#include <string_view>

/// systemd's journal, for a governor that runs as a unit: each event as one entry with fields of its own, so
/// that `journalctl GOVERNOR_TYPE=oom_near` finds it. The protocol and JOURNAL_STREAM are systemd's
/// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL, systemd.exec(5)).
namespace governor::publish {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

/// Whether `fd` is the stream that JOURNAL_STREAM ("device:inode") names: then standard output was not
/// redirected elsewhere. `journal_stream` is the variable's value; null: not set.
bool is_journal_stream(int fd, const char* journal_stream);

/// The record as a datagram of the journal's native protocol. `message` is the line that a log without a
/// journal would get. The fields of the container are those that Docker's journald log driver uses, so that
/// `journalctl CONTAINER_NAME=…` shows its log and the governor's events. Pure.
std::string journal_entry(const Record& record, std::string_view message);

/// The journal's socket. For one thread, which may wait a little.
class Journal {
  public:
    explicit Journal(std::string path = kJournalSocket);

    /// Waits at most a tenth of a second for room. False: the entry was not taken (nobody listens, no room,
    /// or larger than a datagram); show it elsewhere.
    bool send(std::string_view entry);

  private:
    std::string path_;
    cgroups::UniqueFd fd_;
};

}  // namespace governor::publish
