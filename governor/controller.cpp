// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/controller.hpp"

#include <type_traits>
#include <utility>
#include <variant>

namespace governor {

namespace {

/// Those that a person reads to find out who held the memory.
bool names_holders(policies::EventType type) {
    using enum policies::EventType;
    return type == kOomNear || type == kGiveWay || type == kRecycling || type == kRecycled ||
           type == kRecycleFailed || type == kHeld || type == kRestartFinished;
}

}  // namespace

Controller::Controller(Clock clock, Actuator& actuator, publish::EventSink& sink,
                       publish::SharedSubject subject)
    : clock_(std::move(clock)), actuator_(actuator), sink_(sink) {
    target_.subject = std::move(subject);
}

void Controller::retarget(Target target) {
    target.subject = std::move(target_.subject);
    target_ = std::move(target);
    const std::string policy = target_.policy ? target_.policy->name : std::string();
    if (target_.subject->policy == policy) return;
    target_.subject.change([&](publish::Subject& subject) { subject.policy = policy; });
}

bool Controller::describe(const publish::Subject& now) {
    if (target_.subject->name == now.name && target_.subject->service == now.service) return false;
    target_.subject.change([&](publish::Subject& subject) {
        subject.name = now.name;
        subject.service = now.service;
    });
    return true;
}

void Controller::feed(const InputEvent& what, const std::string& detail) {
    // An actuator may answer at once, in the middle of a list of actions: the answer waits until all of the
    // list is done, or what follows from it would overtake the rest.
    if (feeding_) {
        inputs_.emplace_back(what, detail);
        return;
    }
    struct Feeding {
        explicit Feeding(bool& flag_in) : flag(flag_in) { flag = true; }
        Feeding(const Feeding&) = delete;
        Feeding& operator=(const Feeding&) = delete;
        ~Feeding() { flag = false; }
        bool& flag;
    };
    {
        const Feeding feeding(feeding_);
        // Not through the queue: a sample must not allocate.
        decide(what, detail);
        while (!inputs_.empty()) {
            const auto [input, told] = std::move(inputs_.front());
            inputs_.pop_front();
            decide(input, told);
        }
    }
    if (rescheduled_) rescheduled_();
}

void Controller::decide(const InputEvent& what, const std::string& detail) {
    if (const auto* found = std::get_if<policies::Surveyed>(&what)) {
        survey_ = std::make_shared<const policies::Survey>(found->survey);
        publish_waiting();
    } else if (std::holds_alternative<policies::Exited>(what) ||
               std::holds_alternative<policies::Started>(what)) {
        // Its life is over, and with it the answer to the survey.
        publish_waiting();
    }
    constexpr auto kLongestSurvey = std::chrono::seconds(4);
    if (surveying_ && clock_() > surveying_since_ + kLongestSurvey) publish_waiting();
    if (!target_.policy) return;
    const policies::StepResult result = policies::step(*target_.policy, state_, {clock_(), what});
    state_ = result.state;
    sample_at_ = result.sample_at;
    deadline_ = result.deadline;
    quiet_ = result.quiet;
    for (const policies::Action& action : result.actions) {
        std::visit([&](const auto& one) { carry_out(one, detail); }, action);
    }
}

template <class Action>
void Controller::carry_out(const Action& action, const std::string& detail) {
    if constexpr (std::is_same_v<Action, policies::Publish>) {
        publish(action.event, detail);
    } else if constexpr (std::is_constructible_v<policies::Relief, Action>) {
        if (!target_.run) return;
        if constexpr (std::is_same_v<Action, policies::SurveyProcesses>) {
            surveying_ = true;
            surveying_since_ = clock_();
        }
        actuator_.relieve(target_, action, answer_for_this_run());
    } else if (const auto deed = Deed::permit(target_, action)) {
        actuator_.perform(*deed, answer_for_this_run());
    } else if (target_.run) {
        // A reload made it untouchable in the middle of an action: nothing may stay frozen.
        actuator_.relieve(target_, policies::Thaw{}, answer_for_this_run());
    }
}

Answer Controller::answer_for_this_run() {
    return [this, alive = std::weak_ptr(alive_), run = std::weak_ptr(target_.run)](
               const InputEvent& what, const std::string& detail) {
        if (alive.expired()) return;
        const auto still = run.lock();
        if (!still || still != target_.run || still->ended) return;
        feed(what, detail);
    };
}

void Controller::publish(const policies::Event& event, const std::string& detail) {
    publish::Record record;
    record.type = policies::to_string(event.type);
    record.subject = target_.subject;
    record.event = event;
    if (event.bound_level != 0 && target_.run)
        if (const auto* node = target_.run->files.ancestor(event.bound_level)) record.bound_by = node->name();
    record.detail = explain_event(event);
    if (!detail.empty()) record.detail += (record.detail.empty() ? "" : " ") + detail;
    if (event.type == policies::EventType::kRestartFinished && !restart_note_.empty())
        record.detail += (record.detail.empty() ? "" : " ") + std::exchange(restart_note_, {});
    constexpr std::size_t kMostWaiting = 16;
    if (waiting_.size() >= kMostWaiting) publish_waiting();
    if (surveying_) return waiting_.push_back(std::move(record));
    if (names_holders(event.type)) record.survey = survey_;
    sink_.publish(record);
}

/// A survey takes milliseconds; what it found belongs to the event that asked for it.
void Controller::publish_waiting() {
    surveying_ = false;
    for (publish::Record& record : std::exchange(waiting_, {})) {
        if (names_holders(record.event->type)) record.survey = survey_;
        sink_.publish(record);
    }
}

namespace {

std::string about_stop_handling(policies::StopHandling handling) {
    switch (handling) {
        case policies::StopHandling::kNotHandled:
            return "PID 1 has no handler for its stop signal, and the kernel drops such a signal for a PID "
                   "1: handle it, or set "
                   "`init: true` in the Compose file.";
        case policies::StopHandling::kIgnored:
            return "PID 1 ignores its stop signal: handle it, or set another `stop_signal` in the Compose "
                   "file.";
        case policies::StopHandling::kDefaultAction:
            return "The main process has no handler for its stop signal, which ends it at once: handle the "
                   "signal, so that the work is saved.";
        default:
            return {};
    }
}

/// Why it was not left to end by itself, and what would let it.
std::string about_kill(const policies::Event& event) {
    const std::string handling = about_stop_handling(event.stop_handling);
    if (!handling.empty()) return handling;
    switch (event.reason.rule) {
        case policies::Rule::kHardLimitNear:
            return "It came to its hard limit before it had ended: what it needs to save its work does not "
                   "fit between the threshold "
                   "of `near_oom.when` and the hard limit. Lower the threshold and the tripwire, or raise "
                   "the hard limit.";
        case policies::Rule::kGraceEnded:
            return "It did not end within its grace: give it a longer `stop_grace_period`, or less to save.";
        default:
            return {};
    }
}

std::string about_outcome(const policies::Event& event) {
    switch (event.outcome) {
        case policies::Outcome::kKilledAtGraceEnd:
            return "It did not end within its grace and was killed: " +
                   (about_stop_handling(event.stop_handling).empty()
                        ? std::string("give it a longer `stop_grace_period`, or less to save.")
                        : about_stop_handling(event.stop_handling));
        case policies::Outcome::kKilledByGovernor:
            return about_kill(event);
        case policies::Outcome::kOomKilled:
            return "The kernel's OOM killer came before the drain ended: lower the tripwire or raise the "
                   "hard limit. " +
                   about_stop_handling(event.stop_handling);
        default:
            return {};
    }
}

}  // namespace

std::string explain_event(const policies::Event& event) {
    switch (event.type) {
        case policies::EventType::kRestartFinished:
            return about_outcome(event);
        case policies::EventType::kKilled:
            return about_kill(event);
        case policies::EventType::kBrakeLost:
            return std::string("The governor was stopped, or its loop hung; the guardian ") +
                   (event.via == policies::Via::kDirect
                        ? "made the stop signal pending, lifted memory.high and thawed the container. "
                        : "thawed the container. ") +
                   "Look for a SIGSTOP, a debugger, or a host without CPU time (governor_loop_lag_seconds).";
        case policies::EventType::kBrake:
            return about_stop_handling(event.stop_handling);
        case policies::EventType::kBreakerOpened:
            return "It is not restarted again until `governor release` ends the quarantine.";
        case policies::EventType::kArmed:
            return event.hard == policies::kUnlimited
                       ? "It has no hard limit, so nothing can be decided: set memory.hard in the policy or "
                         "mem_limit in the Compose file."
                       : std::string();
        default:
            return {};
    }
}

}  // namespace governor
