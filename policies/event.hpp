// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/bytes.hpp"
#include "policies/verdict.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// What happened and why. Decided in the core, rendered everywhere else: every log line, answer and hook
/// shows this one struct.
namespace policies {

using Duration = std::chrono::nanoseconds;

/// CLOCK_MONOTONIC, as a type without now(): the core can compare times but cannot ask for one.
struct Monotonic {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Monotonic>;
    static constexpr bool is_steady = true;
};
using TimePoint = Monotonic::time_point;

/// The names are API (docs/events.md); to_string() gives them.
enum class EventType : std::uint8_t {
    kArmed,           ///< limits are on the container
    kOomNear,         ///< the trigger's condition holds; what is done about it follows
    kPageCacheChurn,  ///< the tripwire fired for page cache only; it was lifted for a while
    kWarned,          ///< the application was asked to shed memory
    kBrake,           ///< the container was frozen
    kSignalled,       ///< its stop signal is pending; tripwire released, thawed: the drain begins
    kDockerSlow,      ///< Docker did not deliver the signal in time; the kernel-side path was taken
    kKilled,          ///< the governor killed the container whole
    kOomKilled,       ///< the kernel's OOM killer struck inside the container
    kOomVerdict,  ///< whose limit it was, and which process: follows kOomKilled once all sources were heard
    kExited,      ///< a governed container ended without our doing
    kRestartFinished,  ///< it is back; outcome and times
    kRestartDelayed,   ///< back-off: it stays capped until it may be restarted
    kBreakerOpened,    ///< quarantine: alive and capped, not restarted again
    kBreakerReleased,  ///< quarantine ended
    kCapFrozen,        ///< capped, and so near its hard limit that it was frozen
    kLeftAlone,        ///< somebody else stops or pauses it
    kAdopted,          ///< found at start in the middle of an action; carried on or undone
    kBrakeLost,        ///< the governor was silent for too long: the guardian released its brake
    kActionFailed,     ///< something that was tried failed; what was done instead
    kGiveWay,          ///< the host runs short, and this service is the one to give way
    kHostShort,        ///< the host runs short of memory; who gives way, or why nobody does
    kHostAtEase,       ///< it no longer does
    kReserved,         ///< a reservation is in force on the container and its ancestors
    kProtectionShort,  ///< the kernel honours less of a reservation than the policy asks
    kDriftRepaired,    ///< something else changed a value that the policy sets; it was set back
    kDriftStorm,       ///< the same value is changed again and again; repairs are spaced out
    kRecycling,        ///< the graceful signal was sent to one process of a pool
    kRecycled,         ///< that process ended, and its parent replaced it
    kRecycleFailed,    ///< no process can be recycled, or that did not help; a restart follows
    kHeld,             ///< frozen until an operator releases it or its limit is raised
    kHoldReleased,     ///< thawed again
    kDrainHookCalled,  ///< asked to be taken out of its load balancer; the stop signal follows
    kLoanGranted,      ///< hard limit raised while another replica restarts
    kLoanRepaid,       ///< hard limit back at the policy's
    kRestartedWith,    ///< restarted because a container that it depends on was
    kAvailableAgain,   ///< its health check is healthy again after a restart
};
std::string_view to_string(EventType type);

/// The rule behind an event.
enum class Rule : std::uint8_t {
    kNone,
    kUnreclaimable,     ///< unreclaimable memory at or above its threshold
    kCurrent,           ///< memory.current at or above its threshold
    kEta,               ///< forecast time to OOM at or below its threshold
    kPressure,          ///< PSI avg10 at or above its threshold
    kTripwire,          ///< memory.current crossed memory.high
    kHardLimitNear,     ///< unreclaimable memory reached the kill line just below the hard limit
    kGraceEnded,        ///< the drain took longer than its grace
    kDockerTimeout,     ///< Docker did not deliver the stop signal in time
    kDockerError,       ///< Docker refused or could not be reached
    kSignalFailed,      ///< the stop signal could not be sent from the kernel side either
    kBackoff,           ///< sooner after the last restart than the back-off allows
    kBreaker,           ///< more restarts within the window than the breaker allows
    kOomKillCounter,    ///< oom_kill in memory.events grew
    kPolicyKill,        ///< the policy says `do: kill`
    kOperator,          ///< an operator asked for it
    kNotBack,           ///< Docker did not start it again by itself
    kHostAvailable,     ///< MemAvailable at or below host.keep_free
    kHostForecast,      ///< MemAvailable will be used up within the forecast's window
    kHostPressure,      ///< the host's PSI trigger fired while memory was short
    kProtection,        ///< effective protection below what the policy asks
    kDrift,             ///< a value differs from what the policy set
    kSharedLimit,       ///< a limit above several containers is near, and this one gives way first
    kPolicyChanged,     ///< the policy no longer asks for it
    kOperatorStop,      ///< an operator stopped the container
    kLease,             ///< the governor did not renew the lease of its brakes
    kProcessesUnseen,   ///< its processes cannot be read (no `pid: host`), or not in time
    kNoPool,            ///< no process has a sibling with the same executable and parent
    kNoProcessMatches,  ///< `recycle.processes` matches no child of a pool
    kParentHolds,       ///< PID 1 or the pool's parent holds the memory that grew
    kSharedMemory,      ///< no process holds it alone: it is shared, or in tmpfs
    kFreesTooLittle,    ///< the end of one process would not bring it below its threshold
    kGrowthElsewhere,   ///< the children of the pool do not explain the growth (`do: auto`)
    kNotRespawned,      ///< no new child appeared within `recycle.respawn`
    kStillNear,         ///< the process ended, and the container is near OOM as before
    kRecycleSpacing,    ///< sooner after the last recycle than `recycle.every` allows
    kLimitRaised,       ///< its limit was raised
    kReplicaAway,       ///< another replica of its service is being restarted
    kRestartWith,       ///< `restart_with` of another service names it
};
std::string_view to_string(Rule rule);

/// Measured values and thresholds come in one of three kinds.
struct Quantity {
    enum class Kind : std::uint8_t { kNone, kBytes, kDuration, kPermille, kCount };
    Kind kind = Kind::kNone;
    std::int64_t value = 0;  ///< bytes, nanoseconds, thousandths or a count
    static constexpr std::uint64_t kLargest = 0x7fffffffffffffffULL;

    static constexpr Quantity of(Bytes b) {
        return {Kind::kBytes, static_cast<std::int64_t>(b.value > kLargest ? kLargest : b.value)};
    }
    static constexpr Quantity of(Duration d) { return {Kind::kDuration, d.count()}; }
    static constexpr Quantity of(Permille p) { return {Kind::kPermille, p.value}; }
    static constexpr Quantity count(std::int64_t n) { return {Kind::kCount, n}; }
    bool operator==(const Quantity&) const = default;
};

/// Why: the rule, what was measured, against what, over which time.
struct Reason {
    Rule rule = Rule::kNone;
    Quantity measured;
    Quantity threshold;
    Duration window{0};
    bool operator==(const Reason&) const = default;
};

/// How a restart ended.
enum class Outcome : std::uint8_t {
    kNone,              ///< not known: its exit was missed
    kGraceful,          ///< it ended by itself, as asked
    kKilledByGovernor,  ///< at its grace's end or at the kill line
    kKilledAtGraceEnd,  ///< by Docker, or by whoever else sends SIGKILL
    kOomKilled,         ///< the kernel was faster
    kFailed,            ///< it ended by itself, with an exit code that says it failed
};
std::string_view to_string(Outcome outcome);

/// Who delivered the stop signal.
enum class Via : std::uint8_t { kNone, kDocker, kDirect, kSomeoneElse };
std::string_view to_string(Via via);

/// What is known about the container's main process and its stop signal (policies/stop_handling.hpp).
enum class StopHandling : std::uint8_t {
    kUnknown,
    kHandled,
    kNotHandled,     ///< no handler, and the kernel drops the signal: it is PID 1 of its pid namespace
    kIgnored,        ///< SIG_IGN, or the signal's default action does not end a process
    kDefaultAction,  ///< no handler, and the kernel ends it: not PID 1 of its pid namespace, or SIGKILL
};
std::string_view to_string(StopHandling handling);

/// A process and the memory that it holds.
struct Holder {
    int pid = 0;                  ///< in the host's pid namespace
    std::array<char, 16> comm{};  ///< its name, at most 15 bytes, NUL-terminated
    Bytes bytes{};                ///< what its end would free: private memory and swap
    std::int64_t growth = 0;      ///< bytes per second since the look before; 0: no look before
    std::string_view name() const { return {comm.data()}; }
    bool operator==(const Holder&) const = default;
};

/// Where the time of a restart went, from the stop signal until it served again.
struct Away {
    Duration stop{0};     ///< from the stop signal to the exit
    Duration docker{0};   ///< from the exit to the start of the new main process
    Duration start{0};    ///< from there until its limits were on it
    Duration healthy{0};  ///< from there until its health check was healthy; 0: not known (yet)
    bool operator==(const Away&) const = default;
};

/// One event. Fields that do not apply are at their defaults and are left out when it is rendered.
struct Event {
    EventType type = EventType::kArmed;
    TimePoint at{};
    Reason reason;
    Bytes current{};
    Bytes unreclaimable{};
    Bytes hard{};
    Bytes limit{};  ///< the limit that binds, as the container sees it; equal to `hard` while its own does
    std::uint8_t bound_level = 0;  ///< how many levels above the container that limit is; 0: its own
    Bytes tripwire{};
    Bytes peak{};             ///< highest unreclaimable seen in this run of the container
    std::int64_t growth = 0;  ///< unreclaimable bytes per second
    Duration eta{0};          ///< 0: not growing
    Duration brake{0};        ///< from the trip to the thaw
    Duration drain{0};        ///< from the thaw to the exit
    Duration total{0};        ///< from the trip until it was back
    Outcome outcome = Outcome::kNone;
    Via via = Via::kNone;
    StopHandling stop_handling = StopHandling::kUnknown;
    int exit_code = -1;
    std::int64_t count = 0;  ///< restarts in the window, OOM kills, …
    bool frozen = false;
    std::string_view file;   ///< of the cgroup that the event is about (memory.min); static storage
    std::string_view cause;  ///< likely cause (daemon-reload), or where the memory went; static storage
    Verdict verdict = Verdict::kNone;   ///< what killed it
    EvidenceSet evidence;               ///< what the verdict rests on
    Victim victim;                      ///< of an OOM kill; all at its default: not known
    std::optional<bool> docker_agrees;  ///< whether Docker told of the same
    Holder process;                     ///< the process that is recycled; pid 0: none
    Bytes freed{};                      ///< by its end
    Away away;                          ///< of a restart
};

}  // namespace policies
