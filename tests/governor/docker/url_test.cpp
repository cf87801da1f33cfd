// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/url.hpp"

#include <gtest/gtest.h>

namespace governor::docker {
namespace {

TEST(PercentEncode, LeavesOnlyTheUnreserved) {
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encode("a b/c?d&e%"), "a%20b%2Fc%3Fd%26e%25");
    EXPECT_EQ(percent_encode("\xc3\xa9\r\n"), "%C3%A9%0D%0A");
    EXPECT_EQ(percent_encode(""), "");
}

TEST(FiltersJson, EscapesAndNeverThrows) {
    EXPECT_EQ(filters_json("label", {"a=\"b\"", "c"}), R"({"label":["a=\"b\"","c"]})");
    EXPECT_EQ(filters_json("label", {}), R"({"label":[]})");
    EXPECT_EQ(filters_json("label", {"\xff"}), "{\"label\":[\"\xef\xbf\xbd\"]}");
}

}  // namespace
}  // namespace governor::docker
