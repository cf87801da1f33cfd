// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "cgroup/fd.hpp"
#include "cgroup/pid_fd.hpp"
#include "policies/event.hpp"

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The promise that a governor that dies or hangs leaves nothing frozen, kept by a small process of its own:
/// it holds one end of a socket, and the directory and main process of every frozen cgroup. When the
/// governor's end closes (kill -9 included), or is silent for longer than the lease, it undoes or finishes
/// what was begun. See docs/adr/0004 and 0016.
namespace governor::act {

/// The helper's side: waits until the governor's end of the socket closes, undoes or finishes what is frozen,
/// and returns the process's exit code.
int run_guardian(int fd);

/// The program of the helper alone, beside the governor's own; the governor's own where it was not installed.
/// That works as well, and holds ten times the memory locked.
std::string guardian_program(const std::string& own = "/proc/self/exe");

/// A brake that the guardian released because the governor had been silent for longer than the lease.
struct BrakeRelease {
    std::uint64_t cgroup = 0;  ///< inode of the directory
    bool signalled = false;    ///< a stop had been asked for: its signal is pending or was delivered
    policies::TimePoint at{};
};

/// The helper's process, and our end of the socket to it.
struct GuardianHelper {
    pid_t child = -1;
    cgroups::UniqueFd socket;
};
using SpawnGuardian = std::function<cgroups::Result<GuardianHelper>(const std::string& program)>;
/// `program guardian --fd 3`.
cgroups::Result<GuardianHelper> spawn_guardian(const std::string& program);

/// The governor's side. Never waits for the helper: it sends, and looks later whether that was acknowledged.
/// Loop's thread only.
class Guardian {
  public:
    explicit Guardian(SpawnGuardian spawn = spawn_guardian) : spawn_(std::move(spawn)) {}
    Guardian(const Guardian&) = delete;
    Guardian& operator=(const Guardian&) = delete;
    ~Guardian();

    /// Starts the helper.
    cgroups::Result<void> start(const std::string& program = "/proc/self/exe");
    /// Whether the helper is there. Started again when it is not, and given all that is frozen.
    bool ensure();

    /// Must come before the freeze: a message that was sent is read even if the sender is gone a moment
    /// later. False: nothing may be frozen.
    bool will_freeze(const cgroups::Directory& directory);
    /// Right after the freeze. Should the lease have run out between the two, the guardian is given the brake
    /// again.
    void was_frozen(const cgroups::Directory& directory);
    /// From now on the container may not just be thawed: its stop was asked for, so its signal must be made
    /// pending first and its tripwire released. `process`: its main process, null when it cannot be seen.
    void will_stop(const cgroups::Directory& directory, const cgroups::PidFd* process, int signal);
    /// Nothing to undo any more: it was thawed or killed, or it ended.
    void thawed(const cgroups::Directory& directory);
    /// Whether the guardian released this brake and has sent the stop signal. Holds until thawed().
    bool has_signalled(const cgroups::Directory& directory);

    /// To be called every kRenewEvery while busy(): renews the lease, and replaces a helper that does not
    /// acknowledge what it was sent.
    void renew();
    /// Whether anything is frozen.
    bool busy() const { return !frozen_.empty(); }
    /// Reads what the helper has sent. Called before everything that the answer could change.
    void hear();

    /// `released` is called from within hear(), so also from within the calls above.
    void on_released(std::function<void(const BrakeRelease&)> released) { released_ = std::move(released); }
    /// Called when something is frozen that was not before.
    void on_busy(std::function<void()> busy) { busy_ = std::move(busy); }

    pid_t pid() const { return child_; }

  private:
    struct Entry {
        cgroups::UniqueFd directory;
        cgroups::UniqueFd process;  ///< pidfd; absent: not known, or no stop was asked for
        int pid = 0;
        int signal = 0;  ///< 0: no stop was asked for
        std::optional<BrakeRelease> released;
    };

    cgroups::Result<void> spawn();
    void end_helper();
    void reap();
    bool restart();
    bool send_frozen(std::uint64_t key, const Entry& entry);
    bool send_stopping(std::uint64_t key, const Entry& entry);
    bool send(char op, std::uint64_t key, const Entry* entry, int passed);
    void release(const BrakeRelease& release);

    SpawnGuardian spawn_;
    std::string program_;
    cgroups::UniqueFd socket_;
    pid_t child_ = -1;
    std::optional<cgroups::PidFd> process_;
    std::vector<pid_t> unreaped_;  ///< helpers that were killed and have not ended yet
    std::map<std::uint64_t, Entry> frozen_;
    std::uint64_t sent_ = 0;   ///< sequence number of the last message
    std::uint64_t taken_ = 0;  ///< acknowledged
    /// What had been sent at the last two renewals.
    std::array<std::uint64_t, 2> sent_before_{};
    std::function<void(const BrakeRelease&)> released_;
    std::function<void()> busy_;
};

}  // namespace governor::act
