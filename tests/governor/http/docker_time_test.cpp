// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_time.hpp"

#include <gtest/gtest.h>

namespace governor::http {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'700'000'000s};

WallTime parsed(std::string_view text) {
    const auto time = parse_event_time(text, kNow);
    EXPECT_TRUE(time) << text << ": " << (time ? "" : time.error());
    return time.value_or(WallTime{});
}

TEST(EventTime, UnixSecondsAsDockersClientsSendThem) {
    EXPECT_EQ(parsed("0"), WallTime{});
    EXPECT_EQ(parsed("1700000000"), kNow);
    EXPECT_EQ(parsed("1700000000.5"), kNow + 500ms);
    EXPECT_EQ(parsed("1700000000.000000001"), kNow + 1ns);
    EXPECT_EQ(parsed("1700000000.0000000019"), kNow + 1ns);
}

TEST(EventTime, Rfc3339) {
    EXPECT_EQ(parsed("2023-11-14T22:13:20Z"), kNow);
    EXPECT_EQ(parsed("2023-11-14T22:13:20.25Z"), kNow + 250ms);
    EXPECT_EQ(parsed("2023-11-14T23:13:20+01:00"), kNow);
    EXPECT_EQ(parsed("2023-11-14T22:13:20"), kNow);
    EXPECT_EQ(parsed("2023-11-15"), kNow + 1h + 46min + 40s);
}

TEST(EventTime, DurationsGoBackFromNow) {
    EXPECT_EQ(parsed("10m"), kNow - 10min);
    EXPECT_EQ(parsed("1h30m"), kNow - 90min);
    EXPECT_EQ(parsed("1.5h"), kNow - 90min);
    EXPECT_EQ(parsed("250ms"), kNow - 250ms);
    EXPECT_EQ(parsed("2s500us"), kNow - 2s - 500us);
    EXPECT_EQ(parsed("0s"), kNow);
}

TEST(EventTime, WhatIsNoTimeIsSaid) {
    for (const char* const bad :
         {"abc", "-5", "1.", ".5", "1.x", "5 m", "10x", "m", "1h-", "99999999999999999999", "1700000000000",
          "99999999999h", "2000000h2000000h2000000h2000000h", "2023-13-01", "2023-11-14T", "T", "1e9"}) {
        const auto time = parse_event_time(bad, kNow);
        ASSERT_FALSE(time) << bad;
        EXPECT_NE(time.error().find(std::string("\"") + bad + "\" is not a time"), std::string::npos);
    }
}

}  // namespace
}  // namespace governor::http
