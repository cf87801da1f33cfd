// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "cgroup/memory_files.hpp"
#include "cgroup/pid_fd.hpp"
#include "governor/publish/record.hpp"
#include "policies/policy.hpp"
#include "policies/step.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The seams between watching, deciding and acting.
namespace governor {

/// CLOCK_MONOTONIC, given to whoever needs the time, so that tests give their own.
using Clock = std::function<policies::TimePoint()>;

/// One life of a container, from its start to its exit: its cgroup, held open. Coroutines that act on it
/// share it, so that a container that goes away in the middle leaves them with fds that answer "gone", never
/// with another container's.
struct Run {
    Run(cgroups::Directory dir, cgroups::MemoryFiles memory)
        : directory(std::move(dir)), files(std::move(memory)) {}

    cgroups::Directory directory;
    cgroups::MemoryFiles files;
    /// The container's main process; absent without the host's pid namespace. Opened when the run is found,
    /// and verified to be in its cgroup: every signal to it goes this way.
    std::optional<cgroups::PidFd> main;
    int stop_signal = policies::kSignalTerm;
    /// Docker's own arithmetic with this container's StopTimeout overflows: a restart has to state its grace
    /// (policies::overflows_in_docker).
    bool state_grace = false;
    bool ended = false;  ///< set at its exit: loops that wait for something about it stop
    /// Its main process is gone.
    void end() {
        ended = true;
        files.leave();
    }

    /// Counts orders to memory.high: an older one that still waits for the worker must not overtake a newer
    /// one.
    std::atomic<std::uint64_t> tripwire_order{0};

    /// Counts freezes: a thaw that had to wait must not undo a newer one.
    std::uint64_t freeze_order = 0;

    enum class Hold : std::uint8_t { kNone, kMoving, kReady };
    Hold hold = Hold::kNone;
    /// The processes in the hold. Shared with jobs of the worker.
    std::vector<std::shared_ptr<const cgroups::PidFd>> held;
    /// What was found at the last survey of its processes, by pid and start time.
    struct Look {
        policies::TimePoint at{};
        std::map<std::pair<int, std::uint64_t>, policies::Bytes> held;
    };
    Look look;
    std::shared_ptr<const cgroups::PidFd> candidate;  ///< of the last survey, verified
    int candidate_parent = 0;                         ///< in the host's pid namespace
    std::uint64_t recycle_attempt = 0;                ///< ends the watch for the end of an earlier candidate

    std::uint64_t stop_attempt = 0;  ///< ends the watch for a pending signal of an earlier attempt
};

/// What an action is done to.
struct Target {
    std::shared_ptr<Run> run;
    publish::SharedSubject subject;
    std::map<std::string, std::string, std::less<>> addresses;  ///< network name -> IP address
    std::shared_ptr<const policies::ServicePolicy> policy;
};

using InputEvent = decltype(policies::Input::what);
/// Brings what came of an action back to its controller. May be called later, once or several times, on the
/// loop's thread; `detail` is a sentence for the event that follows. Calls for a run that has ended are
/// ignored.
using Answer = std::function<void(InputEvent what, std::string detail)>;

/// An action on a container whose policy allows it. There is no other way to name one to an actuator, and
/// none can be made for what the policy's `never` forbids: a service with `never: [freeze, restart, kill]`
/// cannot be harmed by any mistake in what decides.
class Deed {
  public:
    /// Nothing when `never` forbids it, or when there is no policy or no running container.
    static std::optional<Deed> permit(const Target& target, const policies::Restraint& what);

    const Target& target() const { return target_; }
    const policies::Restraint& what() const { return what_; }

  private:
    Deed(Target target, const policies::Restraint& what) : target_(std::move(target)), what_(what) {}
    Target target_;
    policies::Restraint what_;
};

/// A container whose limits were just put on it, or looked at again.
struct Care {
    Target target;
    std::optional<policies::Bytes> swap;  ///< the swap limit that Docker has for it; absent: none
};

/// What somebody did to a container.
enum class Touch : std::uint8_t { kUpdate, kExec };

/// Follows the containers' lives beside the decision core. Called on the loop's thread; must not block.
class Companion {
  public:
    Companion() = default;
    Companion(const Companion&) = delete;
    Companion& operator=(const Companion&) = delete;
    virtual ~Companion() = default;
    virtual void on_armed(const Care& care) = 0;
    virtual void on_ended(const std::string& id) = 0;
    virtual void on_touched(const std::string& id, Touch what) = 0;
};

/// Does what the core decided. No method blocks.
class Actuator {
  public:
    Actuator() = default;
    Actuator(const Actuator&) = delete;
    Actuator& operator=(const Actuator&) = delete;
    virtual ~Actuator() = default;
    virtual void perform(const Deed& deed, Answer answer) = 0;
    virtual void relieve(const Target& target, const policies::Relief& relief, Answer answer) = 0;
    /// This life of a container is over, however that became known: nothing that is kept for it may be used
    /// any more.
    virtual void ended(const Run& run) = 0;
};

}  // namespace governor
