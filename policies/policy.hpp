// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/bytes.hpp"
#include "policies/hook.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What an SRE writes, after it was checked. Aggregates whose defaults are the documented defaults; immutable
/// once loaded: a reload makes new ones. The YAML keys have the members' names; docs/policy-reference.md is
/// the reference.
namespace policies {

using std::chrono::milliseconds;

/// A size as written: bytes, or a share of a base that the key's documentation names (the hard limit,
/// mostly).
struct Size {
    Bytes bytes{};
    std::optional<Permille> share;

    constexpr Bytes of(Bytes base) const { return share ? share_of(base, *share) : bytes; }
    bool operator==(const Size&) const = default;
};
constexpr Size percent(int n) {
    return Size{.share = Permille{n * 10}};
}

/// Which containers a policy is for. Lists are alternatives, the kinds are all required; an empty kind
/// matches all.
struct Match {
    /// Globs (`*`, `?`, `[...]`) on com.docker.compose.project, com.docker.compose.service and the
    /// container's name.
    std::vector<std::string> project;
    std::vector<std::string> service;
    std::vector<std::string> container;
    /// Label name and a glob for its value.
    std::vector<std::pair<std::string, std::string>> labels;
    bool operator==(const Match&) const = default;
};

/// What a condition looks at.
enum class Measure : std::uint8_t { kUnreclaimable, kCurrent, kEta, kPressureSome, kPressureFull };

/// One comparison: at least `size` (unreclaimable, current), at most `duration` (eta), at least `pressure`
/// (avg10).
struct Term {
    Measure measure = Measure::kUnreclaimable;
    Size size{};  ///< base: the hard limit
    milliseconds duration{0};
    Permille pressure{};
    bool operator==(const Term&) const = default;
};

/// `any: [...]`, `all: [...]`, or a single term. Without terms it is never true.
struct Condition {
    bool all = false;
    std::vector<Term> terms;
    bool operator==(const Condition&) const = default;
};

struct Memory {
    std::optional<Size> hard;          ///< memory.max; absent: the limit that the container has
    std::optional<Size> swap;          ///< swap beside the hard limit; absent: what the container has
    Size tripwire = percent(90);       ///< memory.high; base: the hard limit
    std::optional<int> oom_score_adj;  ///< -1000 to 1000, of every process; absent: what the container has
    bool operator==(const Memory&) const = default;
};

struct HttpCall {
    std::string url;
    bool operator==(const HttpCall&) const = default;
};
struct SignalCall {
    int number = 0;
    bool operator==(const SignalCall&) const = default;
};
struct ExecCall {
    std::vector<std::string> command;
    bool operator==(const ExecCall&) const = default;
};

/// A softer step before the brake: ask the application to shed its caches.
struct Warn {
    Condition when;
    std::variant<HttpCall, SignalCall, ExecCall> call;
    milliseconds timeout{1000};
    milliseconds every{60000};  ///< not again sooner than this
    bool operator==(const Warn&) const = default;
};

enum class NearOomAction : std::uint8_t {
    kGracefulRestart,  ///< brake, signal, drain, back
    kKill,             ///< cgroup.kill at once; Docker's restart policy brings it back
    kNotify,           ///< an event, nothing else
    kRecycle,          ///< end the one process of a pool that holds the memory; its parent replaces it
    kAuto,             ///< recycle where a child of a pool explains the growth, else restart
    kHold,             ///< frozen until an operator releases it or its limit is raised
};
/// As the policy spells it.
std::string_view to_string(NearOomAction action);
constexpr bool recycles(NearOomAction action) {
    return action == NearOomAction::kRecycle || action == NearOomAction::kAuto;
}

/// How one process of a pool is ended (`do: recycle`, `do: auto`).
struct Recycle {
    /// Globs on the process's name (comm) or on its command line; empty: every child of a pool.
    std::vector<std::string> processes;
    int signal = 15;            ///< what makes this process finish its work and end; SIGTERM
    milliseconds grace{20000};  ///< then it alone is killed
    /// Within which its parent must have started a new child; absent (`not_expected`): the pool starts one
    /// when it needs one.
    std::optional<milliseconds> respawn = milliseconds{10000};
    milliseconds every{1000};  ///< not again sooner than this after the last one ended
    Permille weight{20};       ///< share of a restart that one recycle counts for the breaker
    bool operator==(const Recycle&) const = default;
};

/// How long the container may stand still.
struct Brake {
    milliseconds docker_timeout{
        2000};  ///< Docker must have delivered the stop signal by then, or the governor does
    milliseconds hold_timeout{1000};  ///< children wait this long for their SIGTERM, then they run
    bool operator==(const Brake&) const = default;
};

struct Drain {
    std::optional<milliseconds> grace;  ///< absent (`from_container`): the container's stop_grace_period
    bool operator==(const Drain&) const = default;
};

/// A file that the container's health check or its load balancer looks for. Inside the container.
struct FileCall {
    std::string path;
    bool operator==(const FileCall&) const = default;
};

/// Takes the container out of its load balancer before the stop signal.
struct DrainHook {
    std::variant<FileCall, HttpCall, ExecCall> call;
    milliseconds timeout{1000};  ///< of the call itself (http, exec)
    milliseconds settle{2000};   ///< what the load balancer needs after it, while memory allows
    bool operator==(const DrainHook&) const = default;
};

/// Containers that are restarted after this one.
struct RestartWith {
    std::vector<std::string> services;  ///< globs on Compose services of the same project
    bool joined_namespaces = false;     ///< those that share a namespace of it (`network_mode: service:`)
    bool operator==(const RestartWith&) const = default;
};

struct NearOom {
    Condition when{.all = false, .terms = {Term{.measure = Measure::kUnreclaimable, .size = percent(90)}}};
    std::optional<Warn> warn;
    NearOomAction action = NearOomAction::kGracefulRestart;  ///< key: `do`
    Brake brake;
    Drain drain;
    Recycle recycle;
    std::optional<DrainHook> drain_hook;
    /// How much its hard limit is raised while another replica of its service restarts; base: the hard limit.
    /// Absent: it does not wait for the other.
    std::optional<Size> loan;
    bool operator==(const NearOom&) const = default;
};

struct Backoff {
    milliseconds from{1000};  ///< the second restart comes no sooner than this after the first; it doubles
    milliseconds to{300000};
    milliseconds reset_after{600000};  ///< a run of this length starts again at `from`
    bool operator==(const Backoff&) const = default;
};

struct Breaker {
    int restarts = 5;
    milliseconds within{600000};
    Size cap = percent(90);  ///< memory.high in quarantine; base: the hard limit
    bool operator==(const Breaker&) const = default;
};

struct Restart {
    Backoff backoff;
    Breaker breaker;
    bool operator==(const Restart&) const = default;
};

/// What must never be done to these containers.
struct Never {
    bool freeze = false;
    bool restart = false;
    bool kill = false;
    bool any() const { return freeze || restart || kill; }
    bool operator==(const Never&) const = default;
};

/// What is set aside for a service: for each of its containers.
struct Reserve {
    std::optional<Size> min;  ///< memory.min, never reclaimed; base: the host's memory
    std::optional<Size>
        low;  ///< memory.low, reclaimed only when nothing else is left; base: the host's memory
    std::optional<int> oom_score_adj;  ///< -1000 to 1000, of every process
    std::optional<Size> swap;          ///< memory.swap.max; base: the host's memory. 0: never swapped out
    bool operator==(const Reserve&) const = default;
};

struct ServicePolicy {
    std::string name;  ///< the key below `services`
    Match match;
    Memory memory;
    std::optional<Reserve> reserve;
    /// Who gives way first when the host runs short: the lowest. Absent: never chosen for it.
    std::optional<int> priority;
    std::optional<NearOom> near_oom;  ///< absent: watched, never acted upon
    Restart restart;
    std::optional<RestartWith> restart_with;
    Never never;
    bool operator==(const ServicePolicy&) const = default;
};

/// Stall of the whole host's tasks that counts as running short: `share` of the window, as a PSI trigger.
struct HostPressure {
    bool full = true;  ///< key `full` or `some`
    Permille share{};
    milliseconds over{2000};  ///< the window, 500 ms to 10 s (the kernel's bounds)
    bool operator==(const HostPressure&) const = default;
};

struct Host {
    std::optional<Size>
        keep_free;  ///< for the OS and dockerd; base: the host's memory. Absent: no host guard on it
    std::optional<HostPressure> pressure;
    bool operator==(const Host&) const = default;
};

struct Policy {
    Host host;
    std::vector<ServicePolicy> services;
    std::vector<Hook> hooks;
    bool operator==(const Policy&) const = default;
};

/// What is known of a container when its policy is looked for.
struct Candidate {
    std::string project;
    std::string service;
    std::string container;
    std::vector<std::pair<std::string, std::string>> labels;
};

/// The outcome of the look-up. More than one match is the user's mistake and is told, not decided by order.
struct Selection {
    const ServicePolicy* policy = nullptr;   ///< lives as long as the Policy
    std::vector<std::string> also_matching;  ///< names of others that match too (then `policy` is null)
    bool switched_off = false;               ///< label governor.enable=false
    std::string unknown_label_policy;        ///< label governor.policy names one that does not exist
};

/// Which policy governs this container. The label `governor.policy` wins over the globs;
/// `governor.enable=false` over all.
Selection select(const Policy& policy, const Candidate& candidate);

/// Shell-like glob: `*`, `?`, `[a-z]`, `[!a-z]`. Linear in the text for any pattern.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace policies
