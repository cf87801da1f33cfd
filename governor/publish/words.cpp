// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/words.hpp"

#include "governor/publish/names.hpp"

namespace governor::publish {

using policies::EventType;
using policies::Rule;

std::string_view headline(EventType type) {
    switch (type) {
        case EventType::kArmed:
            return "armed";
        case EventType::kOomNear:
            return "NEAR OOM";
        case EventType::kPageCacheChurn:
            return "tripwire fired for page cache only, lifted for a while";
        case EventType::kWarned:
            return "asked the application to shed memory";
        case EventType::kBrake:
            return "BRAKE, frozen until its stop signal is pending";
        case EventType::kSignalled:
            return "stop signal is pending, thawed, draining";
        case EventType::kDockerSlow:
            return "Docker is slow, stop signal sent without it";
        case EventType::kKilled:
            return "KILLED whole by the governor";
        case EventType::kOomKilled:
            return "OOM KILL by the kernel";
        case EventType::kOomVerdict:
            return "OOM KILL, judged";
        case EventType::kExited:
            return "ended, not by the governor";
        case EventType::kRestartFinished:
            return "back after a restart";
        case EventType::kRestartDelayed:
            return "restart put off, capped meanwhile";
        case EventType::kBreakerOpened:
            return "QUARANTINE, alive and capped, not restarted again";
        case EventType::kBreakerReleased:
            return "quarantine ended";
        case EventType::kCapFrozen:
            return "FROZEN, capped and too near its hard limit";
        case EventType::kLeftAlone:
            return "left alone, somebody else stops or pauses it";
        case EventType::kAdopted:
            return "adopted in the middle of an action";
        case EventType::kBrakeLost:
            return "BRAKE LOST, the governor was silent for too long";
        case EventType::kActionFailed:
            return "ACTION FAILED";
        case EventType::kGiveWay:
            return "GIVES WAY, the host runs short of memory";
        case EventType::kHostShort:
            return "THE HOST RUNS SHORT of memory";
        case EventType::kHostAtEase:
            return "the host has memory again";
        case EventType::kReserved:
            return "its memory is reserved";
        case EventType::kProtectionShort:
            return "LESS IS RESERVED than the policy asks";
        case EventType::kDriftRepaired:
            return "something else changed its limits, set back";
        case EventType::kDriftStorm:
            return "SOMETHING ELSE CHANGES its limits again and again";
        case EventType::kRecycling:
            return "RECYCLING one process, the others serve";
        case EventType::kRecycled:
            return "recycled one process, the container stayed";
        case EventType::kRecycleFailed:
            return "recycle failed, restarting the container";
        case EventType::kHeld:
            return "HELD, frozen until it is released";
        case EventType::kHoldReleased:
            return "hold released, thawed";
        case EventType::kDrainHookCalled:
            return "drain hook called";
        case EventType::kLoanGranted:
            return "hard limit raised while another replica restarts";
        case EventType::kLoanRepaid:
            return "hard limit back at the policy's";
        case EventType::kRestartedWith:
            return "restarts with another container";
        case EventType::kAvailableAgain:
            return "available again, its health check is healthy";
    }
    return "unknown";
}

std::string_view headline(std::string_view type) {
    const auto found = named<EventType>(type);
    return found ? headline(*found) : std::string_view();
}

RuleWords words_of(Rule rule) {
    switch (rule) {
        case Rule::kNone:
            return {""};
        case Rule::kUnreclaimable:
            return {"unreclaimable memory"};
        case Rule::kCurrent:
            return {"memory in use"};
        case Rule::kEta:
            return {"time to OOM"};
        case Rule::kPressure:
            return {"memory pressure"};
        case Rule::kTripwire:
            return {"memory in use", "tripwire"};
        case Rule::kHardLimitNear:
            return {"unreclaimable memory", "kill line"};
        case Rule::kGraceEnded:
            return {"still there after", "grace"};
        case Rule::kDockerTimeout:
            return {"no stop signal from Docker after", "deadline"};
        case Rule::kDockerError:
            return {"Docker refused or could not be reached"};
        case Rule::kSignalFailed:
            return {"the stop signal could not be sent"};
        case Rule::kBackoff:
            return {"time since the last restart", "back-off"};
        case Rule::kBreaker:
            return {"restarts", "breaker at"};
        case Rule::kOomKillCounter:
            return {"OOM kills in the container", "before"};
        case Rule::kPolicyKill:
            return {"the policy says `do: kill`"};
        case Rule::kOperator:
            return {"an operator asked for it"};
        case Rule::kNotBack:
            return {"Docker did not start it again", "deadline"};
        case Rule::kHostAvailable:
            return {"available on the host", "keep_free"};
        case Rule::kHostForecast:
            return {"available on the host, used up soon", "keep_free"};
        case Rule::kHostPressure:
            return {"available on the host, whose tasks stall", "keep_free"};
        case Rule::kProtection:
            return {"honoured by the kernel", "asked"};
        case Rule::kDrift:
            return {"found", "set to"};
        case Rule::kSharedLimit:
            return {"unreclaimable memory below a shared limit", "that limit"};
        case Rule::kPolicyChanged:
            return {"the policy no longer asks for it"};
        case Rule::kOperatorStop:
            return {"an operator stopped the container"};
        case Rule::kLease:
            return {"the governor was silent for", "lease"};
        case Rule::kProcessesUnseen:
            return {"its processes could not be read"};
        case Rule::kNoPool:
            return {"no process of it has a sibling, so it is no pool"};
        case Rule::kNoProcessMatches:
            return {"recycle.processes matches no child process"};
        case Rule::kParentHolds:
            return {"the parent process holds the memory"};
        case Rule::kSharedMemory:
            return {"the memory is shared, no process holds it alone"};
        case Rule::kFreesTooLittle:
            return {"the end of the largest child frees too little,"};
        case Rule::kGrowthElsewhere:
            return {"the children of the pool do not explain the growth"};
        case Rule::kNotRespawned:
            return {"the parent started no new child within"};
        case Rule::kStillNear:
            return {"near OOM as before after"};
        case Rule::kRecycleSpacing:
            return {"time since the last recycle", "spacing"};
        case Rule::kLimitRaised:
            return {"its limit was raised after"};
        case Rule::kReplicaAway:
            return {"headroom loan while another replica is away", "deadline"};
        case Rule::kRestartWith:
            return {"a container that it depends on was restarted"};
    }
    return {""};
}

RuleWords words_of(std::string_view rule) {
    const auto found = named<Rule>(rule);
    return found ? words_of(*found) : RuleWords{""};
}

}  // namespace governor::publish
