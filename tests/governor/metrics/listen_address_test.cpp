// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/listen_address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace governor::metrics {
namespace {

using testing::HasSubstr;

std::string shown(std::string_view text) {
    const auto parsed = parse_listen_address(text);
    if (!parsed) return parsed.error();
    return parsed->address().to_string() + " " + std::to_string(parsed->port());
}

TEST(ListenAddress, TakesBothFamilies) {
    EXPECT_EQ(shown("127.0.0.1:9477"), "127.0.0.1 9477");
    EXPECT_EQ(shown("0.0.0.0:1"), "0.0.0.0 1");
    EXPECT_EQ(shown("[::1]:65535"), "::1 65535");
    EXPECT_EQ(shown("[::]:9477"), ":: 9477");
}

TEST(ListenAddress, SaysWhatIsWrong) {
    EXPECT_THAT(shown(""), HasSubstr("no port"));
    EXPECT_THAT(shown("127.0.0.1"), HasSubstr("no port"));
    EXPECT_THAT(shown("9477"), HasSubstr("no port"));
    EXPECT_THAT(shown(":9477"), HasSubstr("no IP address before the port"));
    EXPECT_THAT(shown("[]:9477"), HasSubstr("not an IP address"));
    EXPECT_THAT(shown("localhost:9477"), HasSubstr("\"localhost\" is not an IP address"));
    EXPECT_THAT(shown("256.0.0.1:9477"), HasSubstr("not an IP address"));
    EXPECT_THAT(shown("::1:9477"), HasSubstr("stands in brackets"));
    EXPECT_THAT(shown("[127.0.0.1]:9477"), HasSubstr("brackets are for IPv6"));
    for (const char* bad : {"127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http",
                            "127.0.0.1:80 ", "127.0.0.1:+80"})
        EXPECT_THAT(shown(bad), HasSubstr("not a number from 1 to 65535")) << bad;
    EXPECT_THAT(shown("x"), HasSubstr("Write 127.0.0.1:9477 or [::1]:9477"));
}

}  // namespace
}  // namespace governor::metrics
