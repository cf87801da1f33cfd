// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/route.hpp"

#include <gtest/gtest.h>

namespace governor::http {
namespace {

int status_of(std::string_view method, std::string_view target) {
    const auto route = find_route(method, target);
    return route ? 200 : route.error().status;
}

TEST(Route, FindsEachPath) {
    EXPECT_EQ(find_route("GET", "/v1/status")->endpoint, Endpoint::kStatus);
    EXPECT_EQ(find_route("GET", "/v1/version")->endpoint, Endpoint::kVersion);
    EXPECT_EQ(find_route("POST", "/v1/reload")->endpoint, Endpoint::kReload);
    EXPECT_EQ(find_route("GET", "/metrics")->endpoint, Endpoint::kMetrics);
    const auto explain = find_route("GET", "/v1/explain/jobmate%2Fai-coach");
    ASSERT_TRUE(explain);
    EXPECT_EQ(explain->endpoint, Endpoint::kExplain);
    EXPECT_EQ(explain->service, "jobmate/ai-coach");
    EXPECT_EQ(find_route("POST", "/v1/release/jobmate/redis")->service, "jobmate/redis");
}

TEST(Route, ReadsTheEventsQuery) {
    const auto route =
        find_route("GET", "/v1/events?service=a%20b&type=brake,killed&type=armed&after=17&follow=1");
    ASSERT_TRUE(route);
    EXPECT_EQ(route->query.service, "a b");
    EXPECT_EQ(route->query.types, (std::vector<std::string>{"brake", "killed", "armed"}));
    EXPECT_EQ(route->query.after, 17U);
    EXPECT_TRUE(route->follow);
    EXPECT_FALSE(find_route("GET", "/v1/events?")->follow);
    const auto span = find_route("GET", "/v1/events?since=2026-05-01T00:00:00Z&until=1777593610.5");
    ASSERT_TRUE(span);
    EXPECT_EQ(span->query.since, publish::Moment(std::chrono::seconds(1'777'593'600)));
    EXPECT_EQ(span->query.until, publish::Moment(std::chrono::milliseconds(1'777'593'610'500)));
}

TEST(Route, WithoutABeginningTheLastEventsAreMeant) {
    EXPECT_TRUE(find_route("GET", "/v1/events?until=1777593610")->query.newest);
    EXPECT_FALSE(find_route("GET", "/v1/events?since=1777593610")->query.newest);
    EXPECT_FALSE(find_route("GET", "/v1/events?after=0")->query.newest);
}

TEST(Route, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(status_of("GET", "/"), 404);
    EXPECT_EQ(status_of("GET", "/v1/statusx"), 404);
    EXPECT_EQ(status_of("GET", ""), 404);
    EXPECT_EQ(status_of("POST", "/v1/status"), 405);
    EXPECT_EQ(find_route("GET", "/v1/reload").error().allow, "POST");
    EXPECT_EQ(status_of("GET", "/v1/explain/"), 400);
    EXPECT_EQ(status_of("GET", "/v1/explain/%zz"), 400);
    EXPECT_EQ(status_of("GET", "/v1/explain/%0"), 400);
    EXPECT_EQ(status_of("GET", "/v1/explain/a%00b"), 400);
    EXPECT_EQ(status_of("GET", "/v1/status?x=1"), 400);
}

TEST(Route, RefusesAWrongEventsQuery) {
    EXPECT_EQ(status_of("GET", "/v1/events?since=abc"), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?until=10m"), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?since="), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?after=-1"), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?after="), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?after=99999999999999999999"), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?follow=1&until=1777593610"), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?follow=yes"), 400);
    EXPECT_EQ(status_of("GET", "/v1/events?foo"), 400);
}

TEST(PercentEncode, RoundTripsAnyName) {
    const std::string name = "a/b c%&?=\xc3\xa9~-._";
    EXPECT_EQ(find_route("GET", "/v1/explain/" + percent_encode(name))->service, name);
}

}  // namespace
}  // namespace governor::http
