// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/types.hpp"

#include <gtest/gtest.h>

#include <string>

namespace governor::docker {
namespace {

using namespace std::chrono_literals;

constexpr const char* kInspect = R"({
  "Id": "4f2a", "Name": "/jobmate-ai-coach-1", "RestartCount": 2, "Image": "sha256:1234",
  "State": {"Status": "running", "Running": true, "Paused": false, "Restarting": false, "OOMKilled": true,
            "Pid": 4711, "ExitCode": 0, "StartedAt": "2024-05-01T10:20:30.5Z", "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {"Status": "healthy", "FailingStreak": 0}},
  "HostConfig": {"Memory": 2147483648, "MemorySwap": -1, "MemoryReservation": 0, "CgroupParent": "guard.slice",
                 "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}, "OomScoreAdj": -900,
                 "Annotations": {"org.systemd.property.MemoryHigh": "uint64 5"}, "PidMode": "host"},
  "Config": {"Image": "coach:1", "StopSignal": "SIGINT", "StopTimeout": 30,
             "Labels": {"com.docker.compose.project": "jobmate", "com.docker.compose.service": "ai-coach",
                        "com.docker.compose.container-number": "1", "com.docker.compose.oneoff": "False"}},
  "NetworkSettings": {"Networks": {"internal": {"IPAddress": "172.18.0.5"}, "none": {"IPAddress": ""}}}
})";

TEST(ParseContainer, ReadsWhatTheGovernorUses) {
    const auto parsed = parse_container(kInspect);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->id, "4f2a");
    EXPECT_EQ(parsed->name, "jobmate-ai-coach-1");
    EXPECT_EQ(parsed->image, "coach:1");
    EXPECT_EQ(parsed->restart_count, 2);
    EXPECT_TRUE(parsed->state.running);
    EXPECT_TRUE(parsed->state.oom_killed);
    EXPECT_EQ(parsed->state.pid, 4711);
    EXPECT_EQ(parsed->state.health, "healthy");
    EXPECT_EQ(parsed->host_config.memory, 2147483648);
    EXPECT_EQ(parsed->host_config.memory_swap, -1);
    EXPECT_EQ(parsed->host_config.cgroup_parent, "guard.slice");
    EXPECT_EQ(parsed->host_config.restart_policy, "on-failure");
    EXPECT_EQ(parsed->host_config.restart_max_retries, 5);
    EXPECT_EQ(parsed->host_config.oom_score_adj, -900);
    EXPECT_EQ(parsed->host_config.pid_mode, "host");
    EXPECT_EQ(parsed->host_config.annotations.at("org.systemd.property.MemoryHigh"), "uint64 5");
    EXPECT_EQ(parsed->stop_signal, "SIGINT");
    EXPECT_EQ(parsed->stop_timeout, 30s);
    EXPECT_EQ(parsed->networks.at("internal"), "172.18.0.5");
    EXPECT_EQ(parsed->networks.at("none"), "");
    const Compose compose = parsed->compose();
    EXPECT_EQ(compose.project, "jobmate");
    EXPECT_EQ(compose.service, "ai-coach");
    EXPECT_EQ(compose.number, 1);
    EXPECT_FALSE(compose.oneoff);
}

TEST(ParseContainer, MissingAndNullLeaveTheDefaults) {
    for (const char* text : {"{}", R"({"Id":null,"State":null,"HostConfig":{"Annotations":null},
                                       "Config":{"Labels":null,"StopTimeout":null},
                                       "NetworkSettings":{"Networks":{"a":null}}})"}) {
        const auto parsed = parse_container(text);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->id, "");
        EXPECT_FALSE(parsed->stop_timeout);
        EXPECT_TRUE(parsed->labels.empty());
        EXPECT_EQ(parsed->compose().service, "");
    }
}

TEST(ParseContainer, AWrongTypeIsNamed) {
    struct Case {
        const char* text;
        const char* reason;
    };
    const Case cases[] = {
        {R"({"State":{"Pid":"7"}})", "State.Pid should be a 64-bit integer and is string"},
        {R"({"State":{"Pid":1.5}})", "State.Pid should be a 64-bit integer and is number"},
        {R"({"HostConfig":{"Memory":18446744073709551615}})",
         "HostConfig.Memory should be a 64-bit integer and is number"},
        {R"({"State":[]})", "State should be an object and is array"},
        {R"({"State":{"Running":1}})", "State.Running should be a boolean and is number"},
        {R"({"Config":{"Labels":{"a":1}}})", "Config.Labels should be an object of strings and is number"},
        {R"({"NetworkSettings":{"Networks":{"n":{"IPAddress":4}}}})",
         "NetworkSettings.Networks.n.IPAddress should be a string and is number"},
        {"[]", "the document should be an object and is array"},
        {"7", "the document should be an object and is number"},
    };
    for (const Case& wrong : cases) {
        const auto parsed = parse_container(wrong.text);
        ASSERT_FALSE(parsed) << wrong.text;
        EXPECT_EQ(parsed.error().kind, Error::Kind::kProtocol);
        EXPECT_NE(parsed.error().message.find(wrong.reason), std::string::npos) << parsed.error().message;
    }
}

TEST(ParseContainer, NoTruncatedTextIsAccepted) {
    const std::string whole = kInspect;
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(parse_container(whole.substr(0, size)));
    EXPECT_FALSE(parse_container("{\"Id\":\"\xff\xfe\"}"));
}

TEST(ParseContainerList, ReadsSummaries) {
    const auto parsed = parse_container_list(
        R"([{"Id":"a","Names":["/db","/web/alias"],"Image":"postgres:16","State":"running","Labels":{"k":"v"}},{}])");
    ASSERT_TRUE(parsed) << parsed.error().message;
    ASSERT_EQ(parsed->size(), 2U);
    EXPECT_EQ((*parsed)[0].id, "a");
    EXPECT_EQ((*parsed)[0].state, "running");
    EXPECT_TRUE(parse_container_list("null")->empty());
    EXPECT_FALSE(parse_container_list("{}"));
    EXPECT_FALSE(parse_container_list("[1]"));
    EXPECT_FALSE(parse_container_list(R"([{"Id":[1]}])"));
}

TEST(ParseInfo, ReadsTheDriver) {
    const auto info = parse_info(R"({"ID":"i","Name":"vps","CgroupDriver":"systemd","CgroupVersion":"2",
        "Warnings":["w"],"SecurityOptions":["name=rootless"],"MemTotal":8589934592})");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->cgroup_driver, "systemd");
    EXPECT_EQ(info->mem_total, 8589934592);
    EXPECT_EQ(info->warnings.size(), 1U);
    EXPECT_EQ(info->security_options.at(0), "name=rootless");
}

TEST(ParseEvent, SplitsTheAction) {
    const auto event =
        parse_event(R"({"Type":"container","Action":"exec_create: sh -c 'a: b'","scope":"local",
        "Actor":{"ID":"c1","Attributes":{"com.docker.compose.service":"db","exitCode":"137"}},
        "time":1714558830,"timeNano":1714558830123456789})");
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->action_name(), "exec_create");
    EXPECT_EQ(event->action_detail(), "sh -c 'a: b'");
    EXPECT_EQ(event->actor_id, "c1");
    EXPECT_EQ(event->attributes.at("exitCode"), "137");
    EXPECT_EQ(event->time_nano, 1714558830123456789);
    EXPECT_EQ(compose_of(event->attributes).service, "db");
}

TEST(ParseEvent, PlainActionsHaveNoDetail) {
    Event event;
    event.action = "die";
    EXPECT_EQ(event.action_name(), "die");
    EXPECT_EQ(event.action_detail(), "");
    event.action = "health_status: ";
    EXPECT_EQ(event.action_name(), "health_status");
    EXPECT_EQ(event.action_detail(), "");
}

TEST(ParseExec, TheExitCodeIsAbsentWhileItRuns) {
    EXPECT_FALSE(parse_exec(R"({"Running":true,"ExitCode":null})")->exit_code);
    EXPECT_EQ(parse_exec(R"({"Running":false,"ExitCode":137})")->exit_code, 137);
}

TEST(ParseId, IsRequired) {
    EXPECT_EQ(*parse_id(R"({"Id":"e1"})"), "e1");
    EXPECT_FALSE(parse_id("{}"));
}

TEST(ComposeOf, OddNumbersAreUnknown) {
    EXPECT_EQ(compose_of({{"com.docker.compose.container-number", "2x"}}).number, 0);
    EXPECT_EQ(compose_of({{"com.docker.compose.container-number", "99999999999"}}).number, 0);
    EXPECT_TRUE(compose_of({{"com.docker.compose.oneoff", "True"}}).oneoff);
}

TEST(ParseTime, ReadsDockersTimestamps) {
    const std::chrono::sys_time<std::chrono::nanoseconds> base = std::chrono::sys_seconds(1714558830s);
    EXPECT_EQ(parse_time("2024-05-01T10:20:30Z"), base);
    EXPECT_EQ(parse_time("2024-05-01T10:20:30.5Z"), base + 500ms);
    EXPECT_EQ(parse_time("2024-05-01T10:20:30.123456789Z"), base + 123456789ns);
    EXPECT_EQ(parse_time("2024-05-01T12:20:30+02:00"), base);
    EXPECT_EQ(parse_time("2024-05-01T02:50:30-07:30"), base);
}

TEST(ParseTime, NeverAndMalformedAreNothing) {
    for (const char* text :
         {"0001-01-01T00:00:00Z", "", "2024-05-01", "2024-05-01T10:20:30", "2024-13-01T10:20:30Z",
          "2024-02-30T10:20:30Z", "2024-05-01T24:20:30Z", "2024-05-01T10:20:30.Z",
          "2024-05-01T10:20:30.1234567890Z", "2024-05-01T10:20:30+2:00", "2024-05-01T10:20:30Zx",
          "-024-05-01T10:20:30Z", "9999-05-01T10:20:30Z"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

TEST(DockerTypes, ReadsWhoseNamespacesAContainerHas) {
    const auto details = parse_container(
        R"({"Id":"x","HostConfig":{"NetworkMode":"container:abc","PidMode":"host","IpcMode":"container:def"}})");
    ASSERT_TRUE(details);
    const auto joined = joined_namespaces(details->host_config);
    ASSERT_EQ(joined.size(), 2U);
    EXPECT_EQ(joined[0].kind, "network");
    EXPECT_EQ(joined[0].container, "abc");
    EXPECT_EQ(joined[1].kind, "ipc");
    EXPECT_TRUE(joined_namespaces({}).empty());
    const std::string id(64, 'a');
    EXPECT_TRUE(is_joined(id, id, "app"));
    EXPECT_TRUE(is_joined("app", id, "app"));
    EXPECT_TRUE(is_joined(std::string(12, 'a'), id, "app"));
    EXPECT_FALSE(is_joined("a", id, "app"));
}

TEST(DockerTypes, ReadsAnyStopTimeout) {
    for (const char* seconds : {"-1", "0", "9300000000", "9223372036854775807", "-9223372036854775808"}) {
        const auto details =
            parse_container(R"({"Id":"x","Config":{"StopTimeout":)" + std::string(seconds) + "}}");
        ASSERT_TRUE(details) << seconds;
        EXPECT_EQ(std::to_string(details->stop_timeout->count()), seconds);
    }
}

}  // namespace
}  // namespace governor::docker
