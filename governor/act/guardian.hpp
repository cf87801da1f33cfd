// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "cgroup/fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

/// The promise that a governor that dies leaves nothing frozen, kept by a small process of its own: it holds
/// one end of a socket and the directory of every frozen cgroup, and when the governor's end closes (kill -9
/// included) it undoes or finishes what was begun.
namespace governor::act {

/// The helper's side: waits until the governor's end of the socket closes, undoes or finishes what is frozen,
/// and returns the process's exit code.
int run_guardian(int fd);

/// The program of the helper alone, beside the governor's own; the governor's own where it was not installed.
/// That works as well, and holds ten times the memory locked.
std::string guardian_program(const std::string& own = "/proc/self/exe");

/// The governor's side. Loop's thread only.
class Guardian {
  public:
    Guardian() = default;
    Guardian(const Guardian&) = delete;
    Guardian& operator=(const Guardian&) = delete;
    ~Guardian();

    /// Starts the helper: `program guardian --fd 3`. Safe to call again after it died: it is told again of
    /// all that is frozen.
    cgroups::Result<void> start(const std::string& program = "/proc/self/exe");
    /// Whether the helper is there; starts it again when it is not.
    bool ensure();

    /// Must come before the freeze: a message that was sent is read even if the sender is gone a moment
    /// later.
    bool will_freeze(const cgroups::Directory& directory);
    /// From now on the container may not just be thawed: its stop was asked for, so its signal must be made
    /// pending first and its tripwire released.
    void will_stop(const cgroups::Directory& directory, int pid, int signal);
    /// Nothing to undo any more.
    void thawed(const cgroups::Directory& directory);

    pid_t pid() const { return child_; }

  private:
    struct Entry {
        int fd = -1;  ///< a duplicate, closed by thawed()
        int pid = 0;
        int signal = 0;
    };
    bool send(char op, std::uint64_t key, const Entry& entry, bool with_fd);
    void stop();

    std::string program_;
    cgroups::UniqueFd socket_;
    pid_t child_ = -1;
    std::map<std::uint64_t, Entry> frozen_;
};

}  // namespace governor::act
