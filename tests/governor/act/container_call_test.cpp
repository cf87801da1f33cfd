// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/container_call.hpp"

#include <gtest/gtest.h>

namespace governor::act {
namespace {

TEST(ContainerCall, TakesUrlsApart) {
    const auto url = parse_http_url("http://ai-coach-service:8000/memory-warning?level=1");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "ai-coach-service");
    EXPECT_EQ(url->port, "8000");
    EXPECT_EQ(url->target, "/memory-warning?level=1");
    EXPECT_EQ(parse_http_url("http://worker")->port, "80");
    EXPECT_EQ(parse_http_url("http://worker")->target, "/");
    EXPECT_EQ(parse_http_url("http://worker?x=1")->target, "/?x=1");
    EXPECT_EQ(parse_http_url("http://[::1]:81/")->host, "::1");
}

TEST(ContainerCall, RefusesWhatIsNoHttpUrl) {
    EXPECT_FALSE(parse_http_url("https://worker/"));
    EXPECT_FALSE(parse_http_url("worker:8000"));
    EXPECT_FALSE(parse_http_url("http://"));
    EXPECT_FALSE(parse_http_url("http://worker:port/"));
}

}  // namespace
}  // namespace governor::act
