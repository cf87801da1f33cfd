// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/moment.hpp"

#include "governor/publish/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace governor::publish {
namespace {

using namespace std::chrono_literals;

/// 2026-05-01T02:14:07Z
constexpr Moment kMoment{1'777'601'647s};

TEST(Moment, IsReadInEveryForm) {
    for (const char* text :
         {"2026-05-01T02:14:07Z", "2026-05-01t02:14:07z", "2026-05-01 02:14:07Z", "2026-05-01T04:14:07+02:00",
          "2026-04-30T20:44:07-05:30", "1777601647", "1777601647.000"}) {
        const auto moment = parse_moment(text, std::nullopt);
        ASSERT_TRUE(moment) << text << " " << moment.error();
        EXPECT_EQ(*moment, kMoment) << text;
    }
    EXPECT_EQ(parse_moment("2026-05-01T02:14:07.1239Z", std::nullopt), kMoment + 123ms);
    EXPECT_EQ(parse_moment("1777601647.5", std::nullopt), kMoment + 500ms);
    EXPECT_EQ(parse_moment("0", std::nullopt), Moment{});
    EXPECT_EQ(parse_moment("10m", kMoment), kMoment - 10min);
    EXPECT_EQ(parse_moment("1h30m", kMoment), kMoment - 90min);
}

TEST(Moment, WhatWasPrintedFindsTheSameMoment) {
    EXPECT_EQ(parse_moment(rfc3339(kMoment + 45ms), std::nullopt), kMoment + 45ms);
    EXPECT_EQ(to_unix_seconds(kMoment + 45ms), "1777601647.045");
    EXPECT_EQ(parse_moment(to_unix_seconds(kMoment + 45ms), std::nullopt), kMoment + 45ms);
}

TEST(Moment, RefusesWhatIsNone) {
    for (const char* text : {"",
                             "yesterday",
                             "-5",
                             "+5",
                             " 5",
                             "5 ",
                             "1.",
                             "1..2",
                             "1.2.3",
                             "2026-05-01",
                             "2026-05-01T02:14:07",
                             "2026-02-30T00:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-05-01T24:00:00Z",
                             "2026-05-01T02:60:00Z",
                             "2026-05-01T02:14:60Z",
                             "2026-05-01T02:14Z",
                             "2026-05-01T02:14:07.Z",
                             "2026-05-01T02:14:07+2:00",
                             "2026-05-01T02:14:07Zx",
                             "2026-05-01T02:14:07+24:00",
                             "20260501T021407Z",
                             "10x",
                             "10m-",
                             "1h-30m"})
        EXPECT_FALSE(parse_moment(text, kMoment)) << text;
    EXPECT_FALSE(parse_moment("10m", std::nullopt)) << "before which now?";
}

TEST(Moment, AnEventsIdIsNotTakenForATime) {
    const auto moment = parse_moment("1777601647123", kMoment);
    ASSERT_FALSE(moment);
    EXPECT_THAT(moment.error(), testing::HasSubstr("--after"));
    EXPECT_FALSE(parse_moment("99999999999999999999999", kMoment));
}

}  // namespace
}  // namespace governor::publish
