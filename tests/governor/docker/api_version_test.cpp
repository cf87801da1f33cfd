// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/client.hpp"

#include <gtest/gtest.h>

namespace governor::docker {
namespace {

using Kind = Error::Kind;

TEST(ChooseApiVersion, TakesTheLowerOfTheTwo) {
    EXPECT_EQ(*choose_api_version("1.41", "1.12"), "1.41");
    EXPECT_EQ(*choose_api_version("1.45", "1.24"), "1.45");
    EXPECT_EQ(*choose_api_version("1.47", "1.47"), "1.47");
    EXPECT_EQ(*choose_api_version("1.52", "1.44"), "1.47");
    EXPECT_EQ(*choose_api_version("1.100", "1.40"), "1.47");
    EXPECT_EQ(*choose_api_version("2.0", "1.24"), "1.47");
    EXPECT_EQ(*choose_api_version("1.45", ""), "1.45");
}

TEST(ChooseApiVersion, RefusesWithAdvice) {
    const auto too_new = choose_api_version("1.60", "1.48");
    ASSERT_FALSE(too_new);
    EXPECT_EQ(too_new.error().kind, Kind::kApiVersion);
    EXPECT_NE(too_new.error().message.find("update the governor"), std::string::npos);
    const auto too_old = choose_api_version("1.40", "1.12");
    ASSERT_FALSE(too_old);
    EXPECT_EQ(too_old.error().kind, Kind::kApiVersion);
    EXPECT_NE(too_old.error().message.find("update Docker"), std::string::npos);
}

TEST(ChooseApiVersion, OtherTextIsAProtocolError) {
    for (const char* text :
         {"", "1", "1.", ".47", "1.47.1", "v1.47", "1.-3", "-1.47", "99999999999.1", "latest"}) {
        const auto chosen = choose_api_version(text, "1.24");
        ASSERT_FALSE(chosen) << text;
        EXPECT_EQ(chosen.error().kind, Kind::kProtocol) << text;
    }
    EXPECT_FALSE(choose_api_version("1.47", "old"));
}

}  // namespace
}  // namespace governor::docker
