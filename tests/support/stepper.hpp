// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/step.hpp"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <utility>
#include <vector>

namespace policies {

/// Runs the decision core against a made-up clock, so that a test reads as a story. Sizes are MiB of a 2 GiB
/// container.
class Story {
  public:
    static constexpr Bytes kHard = 2_GiB;
    static constexpr Bytes kTripwire = {kHard.value / 1000 * 900 + kHard.value % 1000 * 900 / 1000};

    explicit Story(ServicePolicy what) : policy(std::move(what)) {}

    /// The usual beginning: armed with a 20 s grace, and quiet.
    static Story begun(ServicePolicy what) {
        Story story(std::move(what));
        story.arm();
        story.heap(400);
        story.told.clear();
        return story;
    }

    Story& feed(decltype(Input::what) what) {
        result = step(policy, result.state, Input{now, std::move(what)});
        last.assign(result.actions.begin(), result.actions.end());
        told.insert(told.end(), last.begin(), last.end());
        return *this;
    }
    Story& arm(Grace grace = std::chrono::seconds(20)) {
        Armed armed;
        armed.hard = kHard;
        armed.tripwire = kTripwire;
        armed.grace = grace;
        armed.stop_signal = stop_signal;
        armed.stop_handling = StopHandling::kHandled;
        return feed(armed);
    }
    /// A sample with so much that cannot be reclaimed, and so much page cache beside it.
    Story& heap(std::uint64_t mib, std::uint64_t cache_mib = 0, bool tripped = false) {
        sample.unreclaimable = {mib << 20U};
        sample.current = {(mib + cache_mib) << 20U};
        sample.clean_cache = {cache_mib << 20U};
        sample.hard = kHard;
        sample.tripwire = kTripwire;
        return feed(Sampled{sample, tripped, false, replica_away});
    }
    /// The tripwire fired.
    Story& crossed(std::uint64_t mib, std::uint64_t cache_mib = 0) { return heap(mib, cache_mib, true); }
    /// The time goes by; deadlines are ticked when they come.
    Story& pass(Duration time) {
        const TimePoint end = now + time;
        while (deadline() != TimePoint::max() && deadline() <= end) {
            now = std::max(now, deadline());
            feed(Tick{});
        }
        now = end;
        return *this;
    }
    /// The container exits and comes back 100 ms later.
    Story& restarts(int exit_code = 0) {
        feed(Exited{exit_code, sample.oom_kills});
        pass(std::chrono::milliseconds(100));
        feed(Started{});
        sample.oom_kills = 0;
        return arm();
    }
    /// A whole graceful restart from the trip to the watching again.
    Story& leaks_and_restarts() {
        crossed(1900).feed(SignalPending{});
        return restarts();
    }

    Phase phase() const { return result.state.phase; }
    TimePoint deadline() const { return result.deadline; }
    template <class T>
    const T* find() const {
        for (const Action& action : last)
            if (const auto* found = std::get_if<T>(&action)) return found;
        return nullptr;
    }
    template <class T>
    bool did() const {
        return find<T>() != nullptr;
    }
    /// How often since `told` was last cleared.
    template <class T>
    std::ptrdiff_t times() const {
        return std::count_if(told.begin(), told.end(),
                             [](const Action& a) { return std::holds_alternative<T>(a); });
    }
    std::ptrdiff_t times(EventType type) const {
        return std::count_if(told.begin(), told.end(), [type](const Action& action) {
            const auto* publish = std::get_if<Publish>(&action);
            return publish != nullptr && publish->event.type == type;
        });
    }
    /// The newest event of this type since `told` was last cleared.
    const Event* event(EventType type) const {
        for (auto it = told.rbegin(); it != told.rend(); ++it) {
            const auto* publish = std::get_if<Publish>(&*it);
            if (publish != nullptr && publish->event.type == type) return &publish->event;
        }
        return nullptr;
    }
    /// Where in the last actions; the size when it is not there.
    template <class T>
    std::size_t place() const {
        std::size_t i = 0;
        while (i < last.size() && !std::holds_alternative<T>(last[i])) ++i;
        return i;
    }
    /// Whether anything was done to the container, as against told.
    bool touched() const {
        return static_cast<std::size_t>(times<Publish>() + times<SurveyProcesses>()) != told.size();
    }

    ServicePolicy policy;
    int stop_signal = kSignalTerm;
    bool replica_away = false;
    TimePoint now{std::chrono::hours(1)};
    StepResult result;
    Sample sample;
    std::vector<Action> last;  ///< of the last input
    std::vector<Action> told;  ///< of all inputs
};

/// `near_oom: {}` of a policy file: every default.
inline ServicePolicy graceful_policy() {
    ServicePolicy policy;
    policy.name = "ai-coach";
    policy.near_oom.emplace();
    return policy;
}
inline ServicePolicy policy_that(NearOomAction action) {
    ServicePolicy policy = graceful_policy();
    policy.near_oom->action = action;
    return policy;
}

inline void PrintTo(Phase phase, std::ostream* out) {
    *out << to_string(phase);
}
inline void PrintTo(EventType type, std::ostream* out) {
    *out << to_string(type);
}
inline void PrintTo(Outcome outcome, std::ostream* out) {
    *out << to_string(outcome);
}
inline void PrintTo(Rule rule, std::ostream* out) {
    *out << to_string(rule);
}
inline void PrintTo(Bytes bytes, std::ostream* out) {
    *out << to_string(bytes);
}

}  // namespace policies
