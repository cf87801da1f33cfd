// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stop_handling.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace policies {
namespace {

constexpr SignalDisposition kInit{};
constexpr SignalDisposition kNoInit{.namespace_init = false};

TEST(StopHandling, AnInitWithoutAHandlerNeverSeesItsSignal) {
    for (const int signal : {SIGTERM, SIGUSR1, SIGQUIT, 34, SIGWINCH, SIGCHLD})
        EXPECT_EQ(judge_stop(signal, kInit), StopHandling::kNotHandled) << signal;
}

TEST(StopHandling, AnyOtherProcessIsEndedByTheSignalsDefaultAction) {
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGIO, SIGPWR, 34, 64})
        EXPECT_EQ(judge_stop(signal, kNoInit), StopHandling::kDefaultAction) << signal;
}

TEST(StopHandling, ADefaultActionThatEndsNothingIsAsGoodAsIgnored) {
    for (const int signal : {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGSTOP})
        EXPECT_EQ(judge_stop(signal, kNoInit), StopHandling::kIgnored) << signal;
}

TEST(StopHandling, AHandlerIsAHandlerInAnyNamespace) {
    for (const bool init : {true, false}) {
        EXPECT_EQ(judge_stop(SIGTERM, {.handled = true, .namespace_init = init}), StopHandling::kHandled);
        EXPECT_EQ(judge_stop(SIGTERM, {.ignored = true, .namespace_init = init}), StopHandling::kIgnored);
        EXPECT_EQ(judge_stop(SIGKILL, {.handled = true, .namespace_init = init}),
                  StopHandling::kDefaultAction)
            << "nobody handles SIGKILL";
    }
}

}  // namespace
}  // namespace policies
