// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/history.hpp"
#include "governor/ports.hpp"

#include <list>
#include <string>
#include <utility>

namespace governor {

/// Feeds one container's inputs to the decision core, carries the state, hands the actions on. Lives as long
/// as the container is known, over its restarts. Loop's thread only.
class Controller {
  public:
    /// `actuator` and `sink` must outlive it.
    Controller(Clock clock, Actuator& actuator, publish::EventSink& sink, publish::SharedSubject subject);

    /// A new life, or a changed policy. Its subject stays the controller's. Does not feed anything.
    void retarget(Target target);
    /// Docker's name for it is another one now (`docker rename`): true when it is. Events that were published
    /// keep the name that they had.
    bool describe(const publish::Subject& now);
    /// What the event of the restart that ends now says besides its numbers; empty: nothing.
    void note_restart(std::string note) { restart_note_ = std::move(note); }
    void feed(const InputEvent& what, const std::string& detail = {});

    const Target& target() const { return target_; }
    /// With the name of the policy that governs it.
    const publish::SharedSubject& subject() const { return target_.subject; }
    const policies::State& state() const { return state_; }
    policies::TimePoint sample_at() const { return sample_at_; }
    policies::TimePoint deadline() const { return deadline_; }
    policies::Duration quiet() const { return quiet_; }
    /// What a governor before this one knew of the container. Before the first feed.
    void remember(const History& history) { restore(state_, history); }
    /// Called after every feed: the times may have changed.
    void on_rescheduled(std::function<void()> callback) { rescheduled_ = std::move(callback); }

  private:
    void decide(const InputEvent& what, const std::string& detail);
    template <class Action>
    void carry_out(const Action& action, const std::string& detail);
    void publish(const policies::Event& event, const std::string& detail);
    void publish_waiting();
    Answer answer_for_this_run();

    Clock clock_;
    Actuator& actuator_;
    publish::EventSink& sink_;
    Target target_;
    policies::State state_;
    policies::TimePoint sample_at_ = policies::TimePoint::max();
    policies::TimePoint deadline_ = policies::TimePoint::max();
    policies::Duration quiet_{0};
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    std::function<void()> rescheduled_;
    std::string restart_note_;
    /// Of the last trip: part of the events that follow from it.
    std::shared_ptr<const policies::Survey> survey_;
    /// Events that wait, in their order, for the survey that runs.
    std::vector<publish::Record> waiting_;
    bool surveying_ = false;
    policies::TimePoint surveying_since_{};
    std::list<std::pair<InputEvent, std::string>> inputs_;  ///< nearly always empty, and then small
    bool feeding_ = false;
};

/// One sentence for a person about what an event means and what to do; empty when its numbers say it all.
std::string explain_event(const policies::Event& event);

}  // namespace governor
