// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/mark.hpp"

#include <gtest/gtest.h>

namespace governor::act {
namespace {

TEST(Mark, ComesBackAsItWasWritten) {
    const Mark mark{Stage::kSignalled, policies::TimePoint(std::chrono::seconds(123))};
    const auto read = parse_mark(to_string(mark));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->stage, Stage::kSignalled);
    EXPECT_EQ(read->since, mark.since);
}

TEST(Mark, ANoteOfSomebodyElseIsNotOurs) {
    EXPECT_FALSE(parse_mark(""));
    EXPECT_FALSE(parse_mark("thawed 12"));
    EXPECT_FALSE(parse_mark("frozen"));
    EXPECT_FALSE(parse_mark("frozen soon"));
    EXPECT_FALSE(parse_mark("frozen 12 and more"));
}

}  // namespace
}  // namespace governor::act
