// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_route.hpp"

#include <gtest/gtest.h>

namespace governor::http {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'700'000'000s};

auto route(std::string_view method, std::string_view target) {
    return find_docker_route(method, target, "1.45", kNow);
}

std::string refusal(std::string_view target, std::string_view method = "GET") {
    const auto found = route(method, target);
    return found ? "served" : std::to_string(found.error().status) + " " + found.error().message;
}

TEST(DockerRoute, KnowsDockersPathsFromTheGovernors) {
    for (const char* const docker : {"/_ping", "/version", "/events", "/events?since=1", "/v1.45/events",
                                     "/v1.41/_ping", "/v1.45/containers/json", "/v1.45"})
        EXPECT_TRUE(is_docker_target(docker)) << docker;
    for (const char* const own :
         {"/v1/events", "/v1/status", "/v1/version", "/", "", "/metrics", "/eventsx", "/v1.x/events", "/v"})
        EXPECT_FALSE(is_docker_target(own)) << own;
}

TEST(DockerRoute, WithAndWithoutAVersion) {
    EXPECT_EQ(route("GET", "/_ping")->endpoint, DockerEndpoint::kPing);
    EXPECT_FALSE(route("GET", "/_ping")->head);
    EXPECT_TRUE(route("HEAD", "/_ping")->head);
    EXPECT_EQ(route("GET", "/v1.24/version")->endpoint, DockerEndpoint::kVersion);
    EXPECT_EQ(route("GET", "/v1.45/events")->endpoint, DockerEndpoint::kEvents);
}

TEST(DockerRoute, ReadsAQueryAsDockersClientsSendIt) {
    // docker 26.1, and python3-docker 5.0.
    const auto docker = route("GET",
                              "/v1.45/events?filters=%7B%22event%22%3A%7B%22oom%22%3Atrue%7D%7D&since="
                              "1699999000.000000000&until=1700000000");
    ASSERT_TRUE(docker);
    EXPECT_EQ(docker->events.since, kNow - 1000s);
    EXPECT_EQ(docker->events.until, kNow);
    docker::Event event;
    event.action = "oom";
    EXPECT_TRUE(docker->events.filter.matches(event));
    const auto python = route("GET", "/v1.41/events?filters=%7B%22event%22%3A+%5B%22die%22%5D%7D");
    ASSERT_TRUE(python);
    EXPECT_FALSE(python->events.filter.matches(event));
    EXPECT_FALSE(python->events.since);
    EXPECT_TRUE(route("GET", "/events?since=&until=&filters=&&x=y"));
}

TEST(DockerRoute, RefusesAsDockerDoes) {
    EXPECT_EQ(refusal("/v1.99/events"),
              "400 client version 1.99 is too new. Maximum supported API version is 1.45");
    EXPECT_EQ(refusal("/v1.10/_ping"),
              "400 client version 1.10 is too old. Minimum supported API version is "
              "1.24, please upgrade your client to a newer version");
    EXPECT_EQ(refusal("/events?filters=garbage"), "400 invalid filter");
    EXPECT_EQ(refusal("/events?since=5&until=1"), "400 `since` time (5) cannot be after `until` time (1)");
    EXPECT_EQ(refusal("/events?since=abc").substr(0, 24), "400 \"abc\" is not a time:");
    EXPECT_EQ(refusal("/events?since=%2"), "400 the query has a broken %-escape");
    EXPECT_EQ(refusal("/v1.45/containers/json").substr(0, 18), "404 page not found");
    EXPECT_EQ(refusal("/v1.45").substr(0, 3), "404");
    EXPECT_EQ(refusal("/events", "POST").substr(0, 3), "405");
    EXPECT_EQ(refusal("/events", "HEAD").substr(0, 3), "405");
}

}  // namespace
}  // namespace governor::http
