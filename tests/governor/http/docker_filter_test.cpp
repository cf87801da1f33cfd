// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_filter.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace governor::http {
namespace {

docker::Event died() {
    docker::Event event;
    event.type = "container";
    event.action = "die";
    event.actor_id = "4f2a91c07be3";
    event.scope = "local";
    event.attributes = {{"name", "jobmate-coach-1"},
                        {"image", "docker.io/library/python:3.12"},
                        {"com.docker.compose.service", "coach"},
                        {"tier", "worker"}};
    return event;
}

struct Case {
    const char* filters;
    bool matches;
};

void expect_all(const docker::Event& event, const std::vector<Case>& cases) {
    for (const auto& [filters, expected] : cases) {
        const auto filter = DockerFilter::parse(filters);
        ASSERT_TRUE(filter) << filters;
        EXPECT_EQ(filter->matches(event), expected) << filters;
    }
}

TEST(DockerFilter, ValuesAreAlternativesAndKeysMustAllMatch) {
    expect_all(died(), {
                           {"", true},
                           {"{}", true},
                           {"null", true},
                           {R"({"event":["die"]})", true},
                           {R"({"event":["start","die"]})", true},
                           {R"({"event":["start"]})", false},
                           {R"({"event":["die"],"type":["container"]})", true},
                           {R"({"event":["die"],"type":["network"]})", false},
                           {R"({"type":["image","container"]})", true},
                           {R"({"scope":["local"]})", true},
                           {R"({"scope":["swarm"]})", false},
                           {R"({"event":[]})", true},
                           {R"({"event":null})", true},
                       });
}

TEST(DockerFilter, BothEncodingsMeanTheSame) {
    expect_all(died(), {
                           {R"({"event":{"die":true}})", true},
                           {R"({"event":{"start":true,"die":true}})", true},
                           {R"({"event":{"start":true}})", false},
                           {R"({"event":{"die":false}})", false},
                       });
}

TEST(DockerFilter, ObjectsAreFoundByTheBeginningOfTheirIdOrName) {
    expect_all(died(), {
                           {R"({"container":["jobmate-coach-1"]})", true},
                           {R"({"container":["jobmate-coach"]})", true},
                           {R"({"container":["4f2a"]})", true},
                           {R"({"container":["4f2a91c07be3"]})", true},
                           {R"({"container":["coach"]})", false},
                           {R"({"container":["other","4f2a"]})", true},
                           // Docker looks at the same id and name whatever the kind of the object.
                           {R"({"network":["jobmate"]})", true},
                           {R"({"volume":["data"]})", false},
                           {R"({"daemon":["x"]})", false},
                           {R"({"service":["x"]})", false},
                           {R"({"node":["x"]})", false},
                           {R"({"secret":["x"]})", false},
                           {R"({"config":["x"]})", false},
                           {R"({"plugin":["x"]})", false},
                       });
}

TEST(DockerFilter, LabelsMustAllMatch) {
    expect_all(died(), {
                           {R"({"label":["com.docker.compose.service"]})", true},
                           {R"({"label":["com.docker.compose.service=coach"]})", true},
                           {R"({"label":["com.docker.compose.service=gateway"]})", false},
                           {R"({"label":["com.docker.compose.service=coach","tier=worker"]})", true},
                           {R"({"label":["com.docker.compose.service=coach","tier=web"]})", false},
                           {R"({"label":["tier="]})", false},
                           {R"({"label":["none"]})", false},
                       });
}

TEST(DockerFilter, ImagesMatchWithAndWithoutTheirTag) {
    expect_all(died(), {
                           {R"({"image":["docker.io/library/python:3.12"]})", true},
                           {R"({"image":["python"]})", true},
                           {R"({"image":["python:3.12"]})", false},
                           {R"({"image":["pyth"]})", false},
                       });
    docker::Event pulled;
    pulled.type = "image";
    pulled.action = "pull";
    pulled.actor_id = "registry.example:5000/team/app:1";
    pulled.attributes = {{"name", "registry.example:5000/team/app"}};
    expect_all(pulled, {{R"({"image":["registry.example:5000/team/app"]})", true},
                        {R"({"image":["registry.example:5000/team/app:1"]})", true},
                        {R"({"image":["app"]})", false}});
}

TEST(DockerFilter, ActionsWithADetailMatchWithoutIt) {
    docker::Event event = died();
    event.action = "exec_create: pg_isready -q";
    expect_all(event, {{R"({"event":["exec_create"]})", true},
                       {R"({"event":["exec_create: pg_isready -q"]})", true},
                       {R"({"event":["exec_start"]})", false}});
    event.action = "health_status: healthy";
    expect_all(event, {{R"({"event":["health_status"]})", true},
                       {R"({"event":["health_status: healthy"]})", true},
                       {R"({"event":["health"]})", false}});
}

TEST(DockerFilter, AKeyThatDockerDoesNotKnowHasNoEffect) {
    expect_all(died(), {{R"({"colour":["red"]})", true}, {R"({"colour":["red"],"event":["start"]})", false}});
}

TEST(DockerFilter, WhatDockerRefusesIsRefusedInItsWords) {
    for (const char* const broken :
         {"garbage", "[]", "5", R"({"event":"die"})", R"({"event":5})", R"({"event":[5]})",
          R"({"event":{"die":"yes"}})", R"({"event":["die"],"type":{"container":true}})", R"({"event":[)"}) {
        const auto filter = DockerFilter::parse(broken);
        ASSERT_FALSE(filter) << broken;
        EXPECT_EQ(filter.error(), "invalid filter");
    }
}

TEST(ImageWithoutTag, KeepsPortsAndIds) {
    EXPECT_EQ(image_without_tag("redis"), "redis");
    EXPECT_EQ(image_without_tag("redis:7"), "redis");
    EXPECT_EQ(image_without_tag("docker.io/team/app:1"), "team/app");
    EXPECT_EQ(image_without_tag("host:5000/app"), "host:5000/app");
    EXPECT_EQ(image_without_tag("redis@sha256:" + std::string(64, 'a')), "redis");
    EXPECT_EQ(image_without_tag(std::string(64, 'a')), std::string(64, 'a'));
    EXPECT_EQ(image_without_tag(""), "");
}

}  // namespace
}  // namespace governor::http
