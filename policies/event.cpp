// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/event.hpp"

namespace policies {

std::string_view to_string(EventType type) {
    switch (type) {
        case EventType::kArmed:
            return "armed";
        case EventType::kOomNear:
            return "oom_near";
        case EventType::kPageCacheChurn:
            return "page_cache_churn";
        case EventType::kWarned:
            return "warned";
        case EventType::kBrake:
            return "brake";
        case EventType::kSignalled:
            return "signalled";
        case EventType::kDockerSlow:
            return "docker_slow";
        case EventType::kKilled:
            return "killed";
        case EventType::kOomKilled:
            return "oom_killed";
        case EventType::kOomVerdict:
            return "oom_verdict";
        case EventType::kExited:
            return "exited";
        case EventType::kRestartFinished:
            return "restart_finished";
        case EventType::kRestartDelayed:
            return "restart_delayed";
        case EventType::kBreakerOpened:
            return "breaker_opened";
        case EventType::kBreakerReleased:
            return "breaker_released";
        case EventType::kCapFrozen:
            return "cap_frozen";
        case EventType::kLeftAlone:
            return "left_alone";
        case EventType::kAdopted:
            return "adopted";
        case EventType::kBrakeLost:
            return "brake_lost";
        case EventType::kActionFailed:
            return "action_failed";
        case EventType::kGiveWay:
            return "give_way";
        case EventType::kHostShort:
            return "host_short";
        case EventType::kHostAtEase:
            return "host_at_ease";
        case EventType::kReserved:
            return "reserved";
        case EventType::kProtectionShort:
            return "protection_short";
        case EventType::kDriftRepaired:
            return "drift_repaired";
        case EventType::kDriftStorm:
            return "drift_storm";
        case EventType::kRecycling:
            return "recycling";
        case EventType::kRecycled:
            return "recycled";
        case EventType::kRecycleFailed:
            return "recycle_failed";
        case EventType::kHeld:
            return "held";
        case EventType::kHoldReleased:
            return "hold_released";
        case EventType::kDrainHookCalled:
            return "drain_hook_called";
        case EventType::kLoanGranted:
            return "loan_granted";
        case EventType::kLoanRepaid:
            return "loan_repaid";
        case EventType::kRestartedWith:
            return "restarted_with";
        case EventType::kAvailableAgain:
            return "available_again";
    }
    return "unknown";
}

std::string_view to_string(Rule rule) {
    switch (rule) {
        case Rule::kNone:
            return "none";
        case Rule::kUnreclaimable:
            return "unreclaimable";
        case Rule::kCurrent:
            return "current";
        case Rule::kEta:
            return "eta";
        case Rule::kPressure:
            return "pressure";
        case Rule::kTripwire:
            return "tripwire";
        case Rule::kHardLimitNear:
            return "hard_limit_near";
        case Rule::kGraceEnded:
            return "grace_ended";
        case Rule::kDockerTimeout:
            return "docker_timeout";
        case Rule::kDockerError:
            return "docker_error";
        case Rule::kSignalFailed:
            return "signal_failed";
        case Rule::kBackoff:
            return "backoff";
        case Rule::kBreaker:
            return "breaker";
        case Rule::kOomKillCounter:
            return "oom_kill_counter";
        case Rule::kPolicyKill:
            return "policy_kill";
        case Rule::kOperator:
            return "operator";
        case Rule::kNotBack:
            return "not_back";
        case Rule::kHostAvailable:
            return "host_available";
        case Rule::kHostForecast:
            return "host_forecast";
        case Rule::kHostPressure:
            return "host_pressure";
        case Rule::kProtection:
            return "protection";
        case Rule::kDrift:
            return "drift";
        case Rule::kSharedLimit:
            return "shared_limit";
        case Rule::kPolicyChanged:
            return "policy_changed";
        case Rule::kOperatorStop:
            return "operator_stop";
        case Rule::kLease:
            return "lease";
        case Rule::kProcessesUnseen:
            return "processes_unseen";
        case Rule::kNoPool:
            return "no_pool";
        case Rule::kNoProcessMatches:
            return "no_process_matches";
        case Rule::kParentHolds:
            return "parent_holds";
        case Rule::kSharedMemory:
            return "shared_memory";
        case Rule::kFreesTooLittle:
            return "frees_too_little";
        case Rule::kGrowthElsewhere:
            return "growth_elsewhere";
        case Rule::kNotRespawned:
            return "not_respawned";
        case Rule::kStillNear:
            return "still_near";
        case Rule::kRecycleSpacing:
            return "recycle_spacing";
        case Rule::kLimitRaised:
            return "limit_raised";
        case Rule::kReplicaAway:
            return "replica_away";
        case Rule::kRestartWith:
            return "restart_with";
    }
    return "unknown";
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::kNone:
            return "none";
        case Outcome::kGraceful:
            return "graceful";
        case Outcome::kKilledByGovernor:
            return "killed_by_governor";
        case Outcome::kKilledAtGraceEnd:
            return "killed_at_grace_end";
        case Outcome::kOomKilled:
            return "oom_killed";
        case Outcome::kFailed:
            return "failed";
    }
    return "unknown";
}

std::string_view to_string(Via via) {
    switch (via) {
        case Via::kNone:
            return "none";
        case Via::kDocker:
            return "docker";
        case Via::kDirect:
            return "direct";
        case Via::kSomeoneElse:
            return "someone_else";
    }
    return "unknown";
}

std::string_view to_string(StopHandling handling) {
    switch (handling) {
        case StopHandling::kUnknown:
            return "unknown";
        case StopHandling::kHandled:
            return "handled";
        case StopHandling::kNotHandled:
            return "not_handled";
        case StopHandling::kIgnored:
            return "ignored";
        case StopHandling::kDefaultAction:
            return "default_action";
    }
    return "unknown";
}

}  // namespace policies
