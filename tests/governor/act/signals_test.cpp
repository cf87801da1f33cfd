// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/signals.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace governor::act {
namespace {

TEST(Signals, TakesDockersSpellings) {
    EXPECT_EQ(parse_signal(""), SIGTERM) << "Docker's default";
    EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
    EXPECT_EQ(parse_signal("QUIT"), SIGQUIT);
    EXPECT_EQ(parse_signal("2"), SIGINT);
    EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37) << "systemd's halt, as containers with an init use it";
    EXPECT_EQ(parse_signal("SIGNONSENSE"), std::nullopt);
    EXPECT_EQ(parse_signal("0"), std::nullopt);
    EXPECT_EQ(parse_signal("65"), std::nullopt);
}

TEST(Signals, KnowsWhichOnesAreMeantToEndAContainer) {
    EXPECT_TRUE(ends_container(SIGTERM, SIGTERM));
    EXPECT_TRUE(ends_container(SIGKILL, SIGTERM));
    EXPECT_TRUE(ends_container(SIGWINCH, SIGWINCH)) << "Apache's graceful stop, as its image sets it";
    EXPECT_FALSE(ends_container(SIGHUP, SIGTERM)) << "a reload";
    EXPECT_FALSE(ends_container(SIGUSR1, SIGTERM));
}

}  // namespace
}  // namespace governor::act
