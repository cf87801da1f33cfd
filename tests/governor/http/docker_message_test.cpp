// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_message.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace governor::http {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const DaemonName kDaemon{"1e86d1b1", "testbed"};

publish::Record restarted(policies::Outcome outcome) {
    publish::Record record;
    record.sequence = 17;
    record.time = std::chrono::system_clock::time_point(1'700'000'000s + 5ns);
    record.type = "restart_finished";
    record.subject = publish::Subject{
        "4f2a91c07be3", "jobmate-coach-1", "python:3.12", "jobmate", "coach", 1, "ai-coach", {}};
    record.event.emplace();
    record.event->type = policies::EventType::kRestartFinished;
    record.event->outcome = outcome;
    record.event->exit_code = 0;
    record.event->hard = {256ULL << 20U};
    record.event->reason = {policies::Rule::kUnreclaimable,
                            policies::Quantity::of(policies::Bytes{240ULL << 20U}),
                            policies::Quantity::of(policies::Bytes{230ULL << 20U}),
                            {}};
    record.detail = "It \"said\" so.";
    return record;
}

TEST(DockerMessage, ARestartThatSavedItsWorkHasAnActionOfItsOwn) {
    const json line = json::parse(to_docker_event(restarted(policies::Outcome::kGraceful), kDaemon).line);
    EXPECT_EQ(line["Type"], "container");
    EXPECT_EQ(line["Action"], "graceful_restart");
    EXPECT_EQ(line["status"], "graceful_restart");
    EXPECT_EQ(line["id"], "4f2a91c07be3");
    EXPECT_EQ(line["from"], "python:3.12");
    EXPECT_EQ(line["Actor"]["ID"], "4f2a91c07be3");
    EXPECT_EQ(line["scope"], "local");
    EXPECT_EQ(line["time"], 1'700'000'000);
    EXPECT_EQ(line["timeNano"], 1'700'000'000'000'000'005);
    EXPECT_EQ(to_docker_event(restarted(policies::Outcome::kFailed), kDaemon).event.action,
              "restart_finished");
}

TEST(DockerMessage, TheReasonIsInTheAttributesAsTexts) {
    const auto event = to_docker_event(restarted(policies::Outcome::kGraceful), kDaemon);
    const json attributes = json::parse(event.line)["Actor"]["Attributes"];
    for (const auto& [key, value] : attributes.items()) EXPECT_TRUE(value.is_string()) << key;
    const std::map<std::string, std::string> expected{{"image", "python:3.12"},
                                                      {"name", "jobmate-coach-1"},
                                                      {"governor.type", "restart_finished"},
                                                      {"governor.event_id", "17"},
                                                      {"governor.rule", "unreclaimable"},
                                                      {"governor.measured", "240MiB"},
                                                      {"governor.threshold", "230MiB"},
                                                      {"governor.outcome", "graceful"},
                                                      {"governor.exit_code", "0"},
                                                      {"governor.policy", "ai-coach"},
                                                      {"governor.memory.hard", "268435456"},
                                                      {"governor.detail", "It \"said\" so."}};
    for (const auto& [key, value] : expected) EXPECT_EQ(attributes.value(key, "missing"), value) << key;
}

TEST(DockerMessage, TheContainersLabelsAreThereAsInDockersOwnEvents) {
    auto record = restarted(policies::Outcome::kGraceful);
    const docker::Labels labels{
        {"com.docker.compose.service", "coach"}, {"team", "ai"}, {"name", "not the container's name"}};
    record.subject.change([&](publish::Subject& subject) {
        subject.labels = std::make_shared<const publish::PackedLabels>(labels);
    });
    const auto attributes = to_docker_event(record, kDaemon).event.attributes;
    EXPECT_EQ(attributes.at("team"), "ai");
    EXPECT_EQ(attributes.at("com.docker.compose.service"), "coach");
    EXPECT_EQ(attributes.at("name"), "jobmate-coach-1");
}

TEST(DockerMessage, WithoutLabelsComposesNamesAreKnownAllTheSame) {
    const auto attributes =
        to_docker_event(restarted(policies::Outcome::kGraceful), kDaemon).event.attributes;
    EXPECT_EQ(attributes.at("com.docker.compose.project"), "jobmate");
    EXPECT_EQ(attributes.at("com.docker.compose.service"), "coach");
    EXPECT_EQ(attributes.at("com.docker.compose.container-number"), "1");
}

TEST(DockerMessage, TheGovernorsOwnEventsAreTheDaemons) {
    publish::Record record;
    record.type = "host_short";
    record.detail = "bad bytes: \xff";
    const json line = json::parse(to_docker_event(record, kDaemon).line);
    EXPECT_EQ(line["Type"], "daemon");
    EXPECT_EQ(line["Action"], "host_short");
    EXPECT_EQ(line["Actor"]["ID"], "1e86d1b1");
    EXPECT_EQ(line["Actor"]["Attributes"]["name"], "testbed");
    EXPECT_FALSE(line.contains("status"));
}

}  // namespace
}  // namespace governor::http
