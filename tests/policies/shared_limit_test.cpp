// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/shared_limit.hpp"

#include <gtest/gtest.h>

#include <vector>

// Which container gives way at a limit that several containers share.
namespace policies {
namespace {

using What = GivingWay::What;

constexpr Bytes kLimit = 200_MiB;

std::vector<BelowLimit> two() {
    return {{0, 10, 100.0, 90_MiB, true, false}, {1, 20, 900.0, 90_MiB, true, false}};
}

TEST(shared_limit, the_lowest_priority_gives_way_whichever_grows) {
    const auto chosen = choose_below(kLimit, two());
    EXPECT_EQ(chosen.what, What::kOne);
    EXPECT_EQ(chosen.index, 0U);
}

TEST(shared_limit, of_equals_the_one_that_grows_fastest) {
    auto containers = two();
    containers[0].priority = 20;
    EXPECT_EQ(choose_below(kLimit, containers).index, 1U);
}

TEST(shared_limit, a_service_without_a_priority_gives_way_last) {
    auto containers = two();
    containers[0].priority.reset();
    EXPECT_EQ(choose_below(kLimit, containers).index, 1U);
    containers[1].ready = false;
    EXPECT_EQ(choose_below(kLimit, containers).index, 0U);
}

TEST(shared_limit, one_that_holds_little_is_not_restarted_for_others) {
    auto containers = two();
    containers[0].unreclaimable = 15_MiB;
    EXPECT_EQ(choose_below(kLimit, containers).index, 1U);
}

TEST(shared_limit, while_one_is_leaving_no_other_is_chosen) {
    auto containers = two();
    containers[1].leaving = true;
    EXPECT_EQ(choose_below(kLimit, containers).what, What::kWait);
    containers[1].unreclaimable = 1_MiB;
    EXPECT_EQ(choose_below(kLimit, containers).what, What::kOne) << "what leaves frees too little";
}

TEST(shared_limit, without_one_that_is_ready_none_gives_way) {
    auto containers = two();
    for (auto& each : containers) each.ready = false;
    EXPECT_EQ(choose_below(kLimit, containers).what, What::kNone);
    EXPECT_EQ(choose_below(kLimit, {}).what, What::kNone);
}

}  // namespace
}  // namespace policies
