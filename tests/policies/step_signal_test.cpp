// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// Docker's `kill` event: which signals are a stop, in which phase.
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace policies {
namespace {

using namespace std::chrono_literals;

ServicePolicy easily_quarantined() {
    auto policy = graceful_policy();
    policy.restart.breaker = {.restarts = 1, .cap = percent(80)};
    return policy;
}

struct Case {
    std::string name;
    ServicePolicy policy;
    std::function<void(Story&)> lead;
    Phase begun;
    Phase after_own;   ///< its own stop signal
    Phase after_kill;  ///< SIGKILL
};

std::vector<Case> cases() {
    const auto usual = graceful_policy();
    return {
        {"unarmed", usual,
         [](Story& s) {
             s.feed(Exited{0, 0});
         },
         Phase::kUnarmed, Phase::kUnarmed, Phase::kUnarmed},
        {"watching", usual, [](Story&) {}, Phase::kWatching, Phase::kLeftAlone, Phase::kLeftAlone},
        {"signalling", usual, [](Story& s) { s.crossed(1900); }, Phase::kSignalling, Phase::kDraining,
         Phase::kSignalling},
        {"frozen, Docker refused", usual, [](Story& s) { s.crossed(1900).feed(StopRefused{}); },
         Phase::kSignalling, Phase::kDraining, Phase::kSignalling},
        {"draining", usual, [](Story& s) { s.crossed(1900).feed(SignalPending{}); }, Phase::kDraining,
         Phase::kDraining, Phase::kDraining},
        {"draining without Docker", usual,
         [](Story& s) { s.crossed(1900).feed(StopRefused{}).feed(SignalPending{Via::kDirect}); },
         Phase::kDraining, Phase::kDraining, Phase::kDraining},
        {"exited", usual,
         [](Story& s) {
             s.crossed(1900).feed(SignalPending{}).feed(Exited{0, 0});
         },
         Phase::kExited, Phase::kUnarmed, Phase::kUnarmed},
        {"backing off", usual, [](Story& s) { s.leaks_and_restarts().pass(10ms).crossed(1900); },
         Phase::kBackingOff, Phase::kLeftAlone, Phase::kLeftAlone},
        {"quarantined", easily_quarantined(),
         [](Story& s) { s.leaks_and_restarts().pass(1min).crossed(1900); }, Phase::kQuarantined,
         Phase::kLeftAlone, Phase::kLeftAlone},
        {"quarantined and frozen", easily_quarantined(),
         [](Story& s) { s.leaks_and_restarts().pass(1min).crossed(1960); }, Phase::kQuarantined,
         Phase::kLeftAlone, Phase::kLeftAlone},
        {"left alone", usual, [](Story& s) { s.feed(DockerKill{s.stop_signal}); }, Phase::kLeftAlone,
         Phase::kLeftAlone, Phase::kLeftAlone},
        {"paused", usual, [](Story& s) { s.feed(Paused{}); }, Phase::kPaused, Phase::kLeftAlone,
         Phase::kLeftAlone},
    };
}

Story led(const Case& one, int stop_signal) {
    Story story(one.policy);
    story.stop_signal = stop_signal;
    story.arm();
    story.heap(400);
    one.lead(story);
    story.told.clear();
    return story;
}

TEST(step_signal, any_other_signal_changes_nothing_in_any_phase) {
    for (const int stop_signal : {SIGTERM, SIGUSR2, SIGINT, 61}) {
        for (const Case& one : cases()) {
            Story story = led(one, stop_signal);
            ASSERT_EQ(story.phase(), one.begun) << one.name;
            for (const int foreign : {SIGQUIT, SIGHUP, SIGUSR1, SIGTERM, SIGINT, SIGWINCH, 34}) {
                if (foreign == stop_signal) continue;
                const StepResult before = story.result;
                story.feed(DockerKill{foreign});
                EXPECT_TRUE(story.result.actions.empty()) << one.name << ", signal " << foreign;
                EXPECT_EQ(story.phase(), one.begun) << one.name << ", signal " << foreign;
                EXPECT_EQ(story.deadline(), before.deadline) << one.name << ", signal " << foreign;
                EXPECT_EQ(story.result.state.frozen, before.state.frozen);
                EXPECT_EQ(story.result.state.quarantined, before.state.quarantined);
                EXPECT_EQ(story.result.state.stopped_by_other, before.state.stopped_by_other);
                EXPECT_EQ(story.result.state.via, before.state.via);
            }
        }
    }
}

TEST(step_signal, its_own_stop_signal_and_sigkill_are_a_stop) {
    for (const int stop_signal : {SIGTERM, SIGUSR2, 61}) {
        for (const Case& one : cases()) {
            Story own = led(one, stop_signal);
            EXPECT_EQ(own.feed(DockerKill{stop_signal}).phase(), one.after_own) << one.name;
            Story killed = led(one, stop_signal);
            EXPECT_EQ(killed.feed(DockerKill{SIGKILL}).phase(), one.after_kill) << one.name;
        }
    }
}

TEST(step_signal, while_docker_hangs_only_its_own_signal_thaws_it) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900);
    for (const int foreign : {SIGHUP, SIGQUIT, SIGUSR1}) story.feed(DockerKill{foreign});
    EXPECT_EQ(story.times<Thaw>(), 0);
    story.pass(2s);
    EXPECT_TRUE(story.did<SignalStop>()) << "Docker's time is over: the governor signals by itself";
    story.feed(DockerKill{SIGHUP});
    EXPECT_EQ(story.times<Thaw>(), 0);
    story.feed(SignalPending{Via::kDirect});
    EXPECT_EQ(story.times<Thaw>(), 1);
}

TEST(step_signal, a_docker_kill_while_frozen_is_not_undone) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(StopRefused{}).feed(DockerKill{SIGKILL}).feed(Exited{137, 0}).pass(5min);
    EXPECT_EQ(story.times<StartContainer>(), 0);
    EXPECT_EQ(story.times(EventType::kLeftAlone), 1);
}

TEST(step_signal, a_stop_with_another_signal_is_known_by_its_end) {
    // `docker stop --signal QUIT`, in the middle of a drain that Docker was not asked for.
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(StopRefused{}).feed(SignalPending{Via::kDirect}).feed(DockerKill{SIGQUIT});
    story.feed(Exited{0, 0}).feed(DockerStop{}).pass(5min);
    EXPECT_EQ(story.times<StartContainer>(), 0);
    EXPECT_EQ(story.times(EventType::kLeftAlone), 1);
}

TEST(step_signal, the_stop_event_of_our_own_restart_is_no_foreign_stop) {
    auto story = Story::begun(graceful_policy());
    story.crossed(1900).feed(SignalPending{}).feed(Exited{0, 0}).feed(DockerStop{});
    EXPECT_EQ(story.phase(), Phase::kExited);
    story.feed(Started{}).arm();
    EXPECT_EQ(story.times(EventType::kRestartFinished), 1);
}

// ---- quarantine

Story quarantined() {
    Story story(easily_quarantined());
    story.arm();
    story.heap(400).leaks_and_restarts().pass(1min).crossed(1900);
    story.told.clear();
    return story;
}

const Event* released(const Story& story) {
    return story.event(EventType::kBreakerReleased);
}

TEST(step_signal, a_stop_that_does_not_end_it_leads_back_into_quarantine) {
    auto story = quarantined();
    story.feed(DockerKill{}).pass(40s);
    EXPECT_EQ(story.phase(), Phase::kQuarantined);
    Bytes cap{};
    for (const Action& action : story.told)
        if (const auto* set = std::get_if<SetTripwire>(&action)) cap = set->value;
    EXPECT_EQ(cap, share_of(Story::kHard, {800})) << "the cap holds again";
    EXPECT_EQ(released(story), nullptr);
}

TEST(step_signal, an_operators_stop_and_start_ends_the_quarantine) {
    for (const int signal : {SIGTERM, SIGKILL}) {
        auto story = quarantined();
        story.feed(DockerKill{signal}).feed(Exited{0, 0});
        ASSERT_NE(released(story), nullptr);
        EXPECT_EQ(released(story)->reason.rule, Rule::kOperatorStop);
        story.feed(DockerStop{}).feed(Started{}).arm();
        EXPECT_EQ(story.phase(), Phase::kWatching);
        EXPECT_EQ(story.times(EventType::kBreakerReleased), 1);
    }
}

TEST(step_signal, a_stop_that_is_known_by_its_end_only_ends_the_quarantine_too) {
    auto story = quarantined();
    story.feed(Exited{0, 0});
    EXPECT_EQ(released(story), nullptr) << "a crash does not end it";
    story.feed(DockerStop{});
    ASSERT_NE(released(story), nullptr);
    EXPECT_EQ(released(story)->reason.rule, Rule::kOperatorStop);
}

TEST(step_signal, a_crash_does_not_end_the_quarantine) {
    auto story = quarantined();
    story.feed(Exited{1, 0}).feed(Started{}).arm();
    EXPECT_EQ(story.phase(), Phase::kQuarantined);
    EXPECT_EQ(released(story), nullptr);
}

TEST(step_signal, release_is_recorded_with_its_reason) {
    auto story = quarantined();
    story.feed(Released{});
    ASSERT_NE(released(story), nullptr);
    EXPECT_EQ(released(story)->reason.rule, Rule::kOperator);
}

TEST(step_signal, a_policy_that_no_longer_asks_for_it_is_recorded_with_its_reason) {
    for (const bool while_paused : {false, true}) {
        auto story = quarantined();
        if (while_paused) story.feed(Paused{});
        story.policy.near_oom->action = NearOomAction::kNotify;
        if (while_paused)
            story.feed(Unpaused{});
        else
            story.pass(5s).heap(1900);
        ASSERT_NE(released(story), nullptr);
        EXPECT_EQ(released(story)->reason.rule, Rule::kPolicyChanged);
        EXPECT_EQ(story.phase(), Phase::kWatching);
        EXPECT_EQ(story.times(EventType::kBreakerReleased), 1);
    }
}

TEST(step_signal, a_policy_changed_while_it_was_down_ends_the_quarantine_when_it_is_back) {
    auto story = quarantined();
    story.feed(Exited{1, 0});
    story.policy.near_oom.reset();
    story.feed(Started{}).arm();
    ASSERT_NE(released(story), nullptr);
    EXPECT_EQ(released(story)->reason.rule, Rule::kPolicyChanged);
    EXPECT_EQ(story.phase(), Phase::kWatching);
}

// ---- exit codes

Outcome outcome_of(int stop_signal, int exit_code) {
    Story story(graceful_policy());
    story.stop_signal = stop_signal;
    story.arm();
    story.heap(400).crossed(1900).feed(SignalPending{}).pass(1s).restarts(exit_code);
    return story.event(EventType::kRestartFinished)->outcome;
}

TEST(step_signal, exit_codes_are_judged_against_its_own_stop_signal) {
    for (const int stop_signal : {SIGTERM, SIGINT, SIGUSR1, SIGKILL, 34, 61, 64}) {
        EXPECT_EQ(outcome_of(stop_signal, 0), Outcome::kGraceful) << stop_signal;
        EXPECT_EQ(outcome_of(stop_signal, 128 + stop_signal), Outcome::kGraceful) << stop_signal;
        EXPECT_EQ(outcome_of(stop_signal, 1), Outcome::kFailed) << stop_signal;
        if (stop_signal != SIGTERM) {
            EXPECT_EQ(outcome_of(stop_signal, 143), Outcome::kFailed) << stop_signal;
        }
        if (stop_signal != SIGKILL) {
            EXPECT_EQ(outcome_of(stop_signal, 137), Outcome::kKilledAtGraceEnd) << stop_signal;
        }
    }
}

}  // namespace
}  // namespace policies
