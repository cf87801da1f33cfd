// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/bytes.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// What killed it? Facts in, verdict out, with the facts that led to it. Pure.
namespace policies {

/// The names are API (docs/events.md); to_string() gives them.
enum class Verdict : std::uint8_t {
    kNone,              ///< not judged
    kOwnLimit,          ///< the OOM killer: the container came to its own hard limit
    kAncestorLimit,     ///< the OOM killer: a limit above it (a slice) was reached
    kHostOom,           ///< the OOM killer: the host ran out of memory
    kSigkillBySomeone,  ///< SIGKILL: Docker's kill, the end of a grace, a person
    kKilledByGovernor,  ///< the governor killed it whole
    kOwnExit,           ///< it ended by itself: an exit code, or a signal of its own (a segfault)
    kUnknown,           ///< not enough was seen
};
std::string_view to_string(Verdict verdict);
/// Whether it was the kernel's OOM killer.
constexpr bool is_oom(Verdict verdict) {
    return verdict == Verdict::kOwnLimit || verdict == Verdict::kAncestorLimit ||
           verdict == Verdict::kHostOom;
}

/// What a verdict rests on.
enum class Evidence : std::uint8_t {
    kKernelLog,           ///< the OOM killer's own report
    kOomKillCounter,      ///< oom_kill in the container's memory.events grew
    kLocalOomCounter,     ///< oom in its memory.events.local grew: its own limit
    kAncestorOomCounter,  ///< oom in an ancestor's memory.events.local grew
    kNoOomCounter,        ///< none of these grew, though all could be read: the host's
    kDockerOomEvent,      ///< Docker told of an OOM
    kDockerKillEvent,     ///< Docker was asked to send SIGKILL
    kSeenDying,           ///< its pending signals were read in the moment of its death
    kExitCode,            ///< the exit code alone
    kOwnDoing,            ///< the governor knows that it did it
};
std::string_view to_string(Evidence evidence);

/// A set of Evidence.
class EvidenceSet {
  public:
    static constexpr int kSize = 10;
    constexpr EvidenceSet& add(Evidence one) {
        bits_ = static_cast<std::uint16_t>(bits_ | (1U << static_cast<unsigned>(one)));
        return *this;
    }
    constexpr EvidenceSet& add_if(bool holds, Evidence one) { return holds ? add(one) : *this; }
    constexpr bool has(Evidence one) const { return (bits_ & (1U << static_cast<unsigned>(one))) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    bool operator==(const EvidenceSet&) const = default;

  private:
    std::uint16_t bits_ = 0;
};

/// The process that was killed. Plain data without allocation, because it travels in an Event.
struct Victim {
    std::int32_t pid = 0;         ///< of the host's pid namespace; 0: not known
    std::array<char, 16> comm{};  ///< its name, at most 15 bytes and a NUL: anything but a NUL may be in it
    Bytes rss;                    ///< at the kill; 0: not known
    std::int32_t oom_score_adj = 0;
    bool main = false;  ///< PID 1 of the container, so that the container died of it

    std::string_view name() const { return comm.data(); }
    void set_name(std::string_view name);
    bool operator==(const Victim&) const = default;
};

/// What is known of one kill by the OOM killer (or of several between two looks).
struct KillFacts {
    /// Whose limit the kernel's log named.
    enum class Log : std::uint8_t {
        kSilent,      ///< there is no report
        kSomeCgroup,  ///< a cgroup's limit, but not whose
        kOwn,         ///< the container's, or one inside it
        kAncestor,
        kHost,
    };
    Log log = Log::kSilent;
    bool counted = false;        ///< the container's oom_kill grew
    bool counters_read = false;  ///< its counters could be read after the kill; else the cgroup was gone
    bool local_oom = false;      ///< oom of its memory.events.local grew
    bool subtree_oom = false;    ///< oom of its memory.events grew: its own limit, or one inside it
    bool ancestors_read = false;
    bool ancestor_oom = false;  ///< oom of an ancestor's memory.events.local grew
    bool docker_oom = false;    ///< Docker told of an OOM
};
struct KillVerdict {
    Verdict verdict = Verdict::kUnknown;
    EvidenceSet evidence;
    bool docker_agrees = false;
};
/// The kernel's log is believed before the counters, and these before Docker.
KillVerdict judge(const KillFacts& facts);

/// A kill by the OOM killer in the life that ended.
struct KillSeen {
    KillVerdict judged;
    Victim victim;
    std::chrono::nanoseconds before{0};  ///< how long before the end
};

/// What is known of the end of a container.
struct DeathFacts {
    int exit_code = -1;                  ///< Docker's; -1: missed
    std::optional<bool> sigkill;         ///< whether PID 1 was seen dying of SIGKILL; absent: not seen
    std::optional<KillSeen> main_kill;   ///< the OOM killer named PID 1
    std::optional<KillSeen> child_kill;  ///< the last kill of another process
    std::optional<KillSeen> some_kill;   ///< counted, or told by Docker, with nobody named
    bool docker_kill = false;            ///< Docker's `kill` event with SIGKILL, since the last start
    bool docker_oom = false;             ///< Docker's `oom` event, since the last start
    bool by_governor = false;            ///< the governor killed it whole
};
struct Death {
    Verdict verdict = Verdict::kNone;
    EvidenceSet evidence;
    Victim victim;  ///< of an OOM verdict
    std::optional<bool>
        docker_agrees;  ///< whether Docker's OOM event says the same; absent: it may still come
    bool operator==(const Death&) const = default;
};
/// A child's OOM kill becomes the container's death when PID 1 passes its exit code 137 on at once (`sh -c`
/// does). Contradictions: an exit code other than 137 means that PID 1 was not killed, whatever else is told.
Death judge(const DeathFacts& facts);

/// 139 is signal 11 (SIGSEGV): the runtime's 128 + n; 0 when it is no such code.
constexpr int signal_of(int exit_code) {
    return exit_code > 128 && exit_code <= 128 + 64 ? exit_code - 128 : 0;
}

}  // namespace policies
