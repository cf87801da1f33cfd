// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"
#include "policies/grace.hpp"
#include "policies/holders.hpp"
#include "policies/policy.hpp"
#include "policies/restart_times.hpp"
#include "policies/signal_name.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

/// The decision core. step() is a pure function of a policy, a container's state and one input: no clock, no
/// I/O, no log, and no allocation but where a restart is noted. Live, dry-run and every test run this same
/// code.
namespace policies {

// ---- inputs
// -------------------------------------------------------------------------------------------------------

/// One look at the container's memory.
struct Sample {
    Bytes current;
    Bytes unreclaimable;
    Bytes hard = kUnlimited;      ///< memory.max as it is now
    Bytes tripwire = kUnlimited;  ///< memory.high as it is now
    std::uint64_t high_events = 0;
    std::uint64_t oom_kills = 0;
    Permille some{};  ///< PSI avg10
    Permille full{};
    Bytes clean_cache{};  ///< page cache and slab that reclaim can drop at once
    Bytes unwritten{};    ///< page cache that must be written first (dirty or under writeback)
    Bytes writeback{};    ///< the part of it whose writing has begun
    /// Of the cgroup above with the least headroom: its limit less what is unreclaimable below it. kUnlimited
    /// while the container's own limit leaves less.
    Bytes headroom_above = kUnlimited;
    std::uint8_t bound_level =
        0;  ///< how many levels above the container that cgroup is; 0: its own limit binds
};

/// The container runs and its limits were put on it (or were found right).
struct Armed {
    Bytes hard = kUnlimited;  ///< what is in force; kUnlimited: nothing can be decided
    Bytes tripwire = kUnlimited;
    Grace grace;  ///< stop_grace_period, or the policy's own
    int stop_signal = kSignalTerm;
    StopHandling stop_handling = StopHandling::kUnknown;
    std::uint64_t oom_kills = 0;  ///< counter at this moment
};
/// A sample taken because it was due (`tripped` false) or because memory.events told of a crossing.
struct Sampled {
    Sample sample;
    bool tripped = false;
    /// The limit that binds is shared with other governed containers: do not act on it,
    /// State::near_shared_limit reports it, and choose_below() decides which of them gives way
    /// (policies/shared_limit.hpp).
    bool shared = false;
    /// Another replica of its service is being restarted by this governor.
    bool replica_away = false;
};
/// memory.current alone, far from the limit: glance_will_do() says when that is enough (policies/pace.hpp).
struct Glanced {
    Bytes current;
};
/// The stop signal is pending on PID 1 (Docker's `kill` event, its pending mask, or our own signal sent).
struct SignalPending {
    Via via = Via::kDocker;
};
/// Docker could not be asked, or answered with an error.
struct StopRefused {};
/// The kernel-side signal could not be sent.
struct SignalFailed {};
/// All tasks stand still.
struct Frozen {
    StopHandling stop_handling = StopHandling::kUnknown;
};
/// The freeze could not be written.
struct BrakeFailed {};
/// The container's main process ended.
struct Exited {
    int exit_code = 0;
    std::uint64_t oom_kills = 0;
    Death death{};
};
/// The container runs again (a new cgroup; Armed follows).
struct Started {};
/// Docker sent the container a signal: its `kill` event. Only the container's own stop signal and SIGKILL are
/// a stop (ours, or that of `docker stop`, a deploy, a backup tool); any other one changes nothing.
struct DockerKill {
    int signal = kSignalTerm;
};
/// Docker's `stop` event: a stop, or the first half of a restart, is complete. It follows the exit.
struct DockerStop {};
struct Paused {};
struct Unpaused {};
/// `governor release`.
struct Released {};
/// The host runs short, and this service was chosen to give way (policies/host_guard.hpp).
struct GiveWay {
    Reason why;
};
/// A warn call ended.
struct WarnDone {
    bool good = false;
};
/// A governor died in the middle of this; its note on the cgroup says how far it was.
struct Adopt {
    bool signalled = false;  ///< the stop signal had been asked for or sent: a drain is under way
    Duration since{0};       ///< how long ago
};
/// The governor was silent for longer than the lease of its brakes (it was stopped, or its loop hung), so the
/// guardian released this one.
struct BrakeLost {
    bool signalled = false;  ///< the stop signal is pending or was delivered: a drain is under way
    Duration since{0};       ///< how long ago
    Duration lease{0};
};
/// What the container's processes hold. Asked for by SurveyProcesses.
struct Surveyed {
    Survey survey;
};
/// The process could not be signalled: it has ended, or is no longer the one that was surveyed.
struct RecycleRefused {};
/// The process that was recycled has ended.
struct ProcessEnded {};
/// The pool's parent has started a new child.
struct ProcessRespawned {};
/// The drain hook was called, or could not be.
struct DrainHookDone {
    bool good = false;
};
/// Answer to GrantLoan and RepayLoan: Docker set the limit, or it was refused; `hard` is what is in force.
struct LoanDone {
    bool granted = false;  ///< of GrantLoan: the raised limit is in force
    Bytes hard = kUnlimited;
};
/// Its health check is healthy (Docker's `health_status` event).
struct Healthy {};
/// A deadline or the time of the next sample may have come.
struct Tick {};

struct Input {
    TimePoint now;
    std::variant<Tick, Sampled, Glanced, Armed, SignalPending, StopRefused, SignalFailed, Frozen, BrakeFailed,
                 Exited, Started, DockerKill, DockerStop, Paused, Unpaused, Released, WarnDone, Adopt,
                 GiveWay, BrakeLost, Surveyed, RecycleRefused, ProcessEnded, ProcessRespawned, DrainHookDone,
                 LoanDone, Healthy>
        what;
};

// ---- actions
// ------------------------------------------------------------------------------------------------------

struct Freeze {};  ///< cgroup.freeze = 1; answer: Frozen or BrakeFailed
struct AskStop {
    bool own_grace = false;  ///< the policy's, so that Docker must be given it
    Grace grace;
};                     ///< Docker's restart; answer: SignalPending or StopRefused
struct SignalStop {};  ///< the stop signal from the kernel side; answer: SignalPending or SignalFailed
struct SetTripwire {
    Bytes value;
};  ///< memory.high
struct Thaw {
    Duration hold{0};
};                          ///< PID 1 first; the others when their signal is pending, at most `hold` later
struct KillWhole {};        ///< cgroup.kill
struct StartContainer {};   ///< Docker's start; harmless when it runs
struct CallWarn {};         ///< the policy's warn call; answer: WarnDone
struct SurveyProcesses {};  ///< read what each process holds; answer: Surveyed, always
/// The graceful signal to the surveyed candidate; answer: RecycleRefused, or ProcessEnded and
/// ProcessRespawned.
struct RecycleProcess {
    int pid = 0;
    int signal = kSignalTerm;
};
/// SIGKILL to the process that is being recycled, and its memory released at once (process_mrelease(2)).
struct KillProcess {
    int pid = 0;
};
/// All processes but this one into the frozen hold; then the container is thawed. Thaw ends it.
struct HoldOthers {
    int pid = 0;
};
struct CallDrainHook {};  ///< answer: DrainHookDone
struct EndDrainHook {};   ///< removes the drain hook's file
/// Docker's update to a raised hard limit; answer: LoanDone.
struct GrantLoan {
    Bytes hard;
};
struct RepayLoan {
    Bytes hard;
};  ///< Docker's update back to it; answer: LoanDone
struct Publish {
    Event event;
};

/// What takes something away from a container, and what `never` can forbid.
using Restraint = std::variant<Freeze, AskStop, SignalStop, KillWhole, StartContainer, RecycleProcess,
                               KillProcess, HoldOthers>;
/// What gives it something back, or only speaks to it: always allowed.
using Relief = std::variant<SetTripwire, Thaw, CallWarn, SurveyProcesses, CallDrainHook, EndDrainHook,
                            GrantLoan, RepayLoan>;
using Action = std::variant<Freeze, AskStop, SignalStop, SetTripwire, Thaw, KillWhole, StartContainer,
                            CallWarn, SurveyProcesses, RecycleProcess, KillProcess, HoldOthers, CallDrainHook,
                            EndDrainHook, GrantLoan, RepayLoan, Publish>;

/// A short list without allocation. No step needs more than the capacity; push asserts it.
class Actions {
  public:
    static constexpr std::size_t kCapacity = 8;
    Actions() = default;
    // Only what is in it: an action has the size of an event, and most steps have none.
    Actions(const Actions& other) : size_(other.size_) {
        std::copy_n(other.items_.begin(), size_, items_.begin());
    }
    Actions& operator=(const Actions& other) {
        size_ = other.size_;
        std::copy_n(other.items_.begin(), size_, items_.begin());
        return *this;
    }
    ~Actions() = default;
    void push(const Action& action);
    const Action* begin() const { return items_.data(); }
    const Action* end() const { return items_.data() + size_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const Action& operator[](std::size_t i) const { return items_[i]; }

  private:
    std::array<Action, kCapacity> items_{};
    std::size_t size_ = 0;
};

// ---- state
// --------------------------------------------------------------------------------------------------------

enum class Phase : std::uint8_t {
    kUnarmed,  ///< known, but its limits are not on it yet, or it does not run
    kWatching,
    kSignalling,  ///< frozen (or freezing); the stop was asked for
    kDraining,    ///< the stop signal is pending or handled; it runs to its end
    kExited,      ///< ended by our doing; waiting for it to come back
    kBackingOff,  ///< near OOM again too soon: capped, waiting
    kQuarantined,
    kLeftAlone,  ///< somebody else stops it
    kPaused,
    kSurveying,  ///< frozen; what each process holds is being read
    kRecycling,  ///< one process of its pool has its graceful signal; the others serve
    kHeld,       ///< `do: hold`: frozen until it is released or its limit is raised
    kDrainHook,  ///< it is being taken out of its load balancer; the stop signal follows
    kBorrowing,  ///< frozen while Docker raises its hard limit: another replica is away
};
std::string_view to_string(Phase phase);

/// What a State is but for what owns memory. Of its own type, so that a state is copied as one block.
struct StateFields {
    Phase phase = Phase::kUnarmed;
    Bytes hard = kUnlimited;  ///< memory.max of its own
    /// The limit that binds, as the container sees it: what its unreclaimable memory can come to before a
    /// limit on its path to the root is reached. `hard` while its own binds. Every threshold in percent is a
    /// share of it.
    Bytes limit = kUnlimited;
    std::uint8_t bound_level = 0;     ///< Sample::bound_level of the last sample
    Bytes own_tripwire = kUnlimited;  ///< the tripwire while its own limit binds
    Bytes tripwire = kUnlimited;      ///< what memory.high should be when watching
    Grace grace;
    int stop_signal = kSignalTerm;
    StopHandling stop_handling = StopHandling::kUnknown;

    bool has_sample = false;
    Sample last;
    TimePoint last_at{};
    bool held_back = false;  ///< memory.high was at work since it came to its tripwire
    double growth = 0;       ///< bytes of unreclaimable memory per second, smoothed
    std::uint8_t still = 0;  ///< looks in a row at which it was far from its limit and as before
    TimePoint glanced_at = TimePoint::min();  ///< memory.current alone was read
    Bytes peak{};
    std::uint64_t oom_kills = 0;

    bool near_shared_limit =
        false;                    ///< near_oom holds on a shared limit, and who gives way is not decided here
    TimePoint writeback_since{};  ///< no page under writeback was seen to be written since
    std::uint8_t writeback_looks = 0;
    bool writeback_stuck = false;  ///< what waits to be written counts as unreclaimable

    bool relaxed = false;       ///< tripwire lifted because of page cache churn
    TimePoint churn_told_at{};  ///< the event is not repeated for a while
    bool notified = false;      ///< `do: notify` told of this crossing already
    bool warned = false;
    TimePoint warned_at{};

    bool frozen = false;  ///< we asked for the freeze and have not thawed
    bool asked_docker = false;
    bool brake_failed = false;      ///< the freeze could not be written in this run
    bool killed = false;            ///< we killed it
    bool stopped_by_other = false;  ///< somebody asked for a stop while it drained: do not start it again
    bool unanswered = false;  ///< Docker was asked, and may read the request after all: that stop may be ours
    Via via = Via::kNone;
    bool oom_killed_in_action = false;
    Reason trip;  ///< why the running action began
    Reason kill_reason;
    Reason warn_reason;
    Bytes trip_unreclaimable{};
    std::int64_t trip_growth = 0;
    TimePoint tripped_at{};
    TimePoint signalled_at{};
    TimePoint exited_at{};
    int exit_code = -1;
    Death death;  ///< what ended the last life
    StopHandling ended_stop_handling =
        StopHandling::kUnknown;  ///< of the life that ended; the next one's is not known yet
    Outcome outcome = Outcome::kNone;
    Duration brake{0};
    TimePoint deadline{};  ///< of the phase; zero when it has none

    Holder recycled;             ///< the process that is being recycled
    bool surveyed_near = false;  ///< its processes were surveyed since it came near its threshold
    bool others_held = false;    ///< all processes but that one wait in the hold
    bool process_ended = false;
    bool process_killed = false;  ///< at the end of its grace or at the kill line
    bool respawned = false;
    bool near_since_end = false;  ///< every sample since its end was as near OOM as before
    Bytes before_recycle{};       ///< unreclaimable memory when its signal was sent
    TimePoint process_ended_at{};
    TimePoint last_recycle = TimePoint::min();  ///< when the last one ended
    Permille recycle_credit{};                  ///< what recycles add up to; at 1000 it is one restart
    bool recycle_only_restart = false;          ///< a recycle failed: restart at the next trip
    bool hold_released = false;                 ///< not held again until it is below its threshold
    bool hook_called = false;                   ///< the drain hook of this restart was called
    bool replica_away = false;                  ///< Sampled::replica_away of the last sample
    Bytes loan_from = kUnlimited;               ///< hard limit before the loan; kUnlimited: none runs
    /// When the loan ends; of one that is being paid back (`hard` is `loan_from` again): the next attempt.
    TimePoint loan_until{};
    TimePoint started_at{};  ///< of the life that runs now
    Away away;               ///< of the last restart
    /// When it was armed after a restart whose health is still awaited; before it is armed: when its health
    /// check was healthy.
    TimePoint back_at{};

    bool quarantined = false;  ///< outlives a crash of the container
    bool restarting = false;   ///< the next start belongs to our restart
    int backoff_steps = 0;
    TimePoint last_restart{};  ///< when it was back
};
static_assert(std::is_trivially_copyable_v<StateFields>);

/// All that the core remembers of a container. Plain data: copy it, compare it, print it.
struct State : StateFields {
    RestartTimes restarts;  ///< trips that led to a restart

    /// Bytes from which the container is killed whole while it drains: just below the limit that binds.
    Bytes kill_line() const;
    /// A size of the policy whose base is the hard limit, on the limit that binds: a percentage of it; a size
    /// in bytes keeps its proportion to the own hard limit, that before a loan (to nine tenths of the binding
    /// one without an own).
    Bytes threshold(const Size& size) const;
    /// The kill line of this drain. Of one that does not heed its signal nothing is saved: half of the room
    /// up to the kill line is kept, so that the kernel's OOM killer is not first where this program gets the
    /// CPU late.
    Bytes drain_line() const;
    /// Its hard limit is raised above the policy's by a loan.
    bool borrowed() const { return loan_from != kUnlimited && hard > loan_from; }
};

struct StepResult {
    State state;
    Actions actions;
    /// Take a sample then; TimePoint::max() when none is wanted.
    TimePoint sample_at = TimePoint::max();
    /// Send a Tick then, at the latest; TimePoint::max() when no deadline runs.
    TimePoint deadline = TimePoint::max();
    /// Do not look at memory.events again sooner than this: nearness sets the pace, not the kernel's 10 ms.
    Duration quiet{0};
};

StepResult step(const ServicePolicy& policy, const State& state, const Input& input);

/// Whether GiveWay would restart it now: it is watched, acts, and neither its back-off nor its breaker
/// forbids it.
bool can_give_way(const ServicePolicy& policy, const State& state, TimePoint now);

/// Headroom of the limit that binds ÷ growth; Duration::max() when it does not grow.
Duration forecast(const State& state);

/// Whether the condition holds, and the term that made it so (for `all`: its first term).
bool holds(const Condition& condition, const State& state, Reason& why);

}  // namespace policies
