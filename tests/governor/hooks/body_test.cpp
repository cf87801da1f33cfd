// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/body.hpp"

#include "governor/hooks/template.hpp"
#include "governor/hooks/wording.hpp"
#include "tests/support/full_record.hpp"
#include "tests/support/stored_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace governor::hooks {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using policies::HookFormat;
using testing::HasSubstr;
using testing::Not;

const Origin kOrigin{"node-1", "0.1.0"};

Body render(HookFormat format, const publish::Record& record) {
    policies::Webhook webhook;
    webhook.format = format;
    return render_body(webhook, test::stored(record), kOrigin);
}

Body fill(const std::string& text, const publish::Record& record,
          const std::string& content_type = "application/json") {
    policies::Webhook webhook;
    webhook.format = HookFormat::kTemplate;
    webhook.body = text;
    webhook.content_type = content_type;
    return render_body(webhook, test::stored(record), kOrigin);
}

json field(const json& slack, const std::string& title) {
    for (const json& one : slack["attachments"][0]["fields"])
        if (one["title"] == title) return one["value"];
    return nullptr;
}

/// A process that names itself to break whatever shows it, in a container with a long story.
publish::Record hostile() {
    auto record = test::oom_verdict();
    record.event->victim.set_name("a\"}\n<!x>&\xff\\");
    record.subject.change([](publish::Subject& subject) { subject.name = "<!channel>{{ detail }}"; });
    record.detail = std::string(10'000, 'x') + "\xc3";
    return record;
}

publish::Record own_event() {
    publish::Record record;
    record.sequence = 9;
    record.type = "docker_disconnected";
    record.detail = "Docker hung up.";
    return record;
}

TEST(Body, TheEventIsAsTheJournalHasIt) {
    const auto record = test::oom_verdict();
    const Body body = render(HookFormat::kEvent, record);
    EXPECT_EQ(body.text, publish::to_json_line(record));
    EXPECT_EQ(body.content_type, "application/json");
}

TEST(Body, ACloudEventHasTheAttributesThatAReceiverRoutesBy) {
    const auto record = test::oom_verdict();
    const Body body = render(HookFormat::kCloudevents, record);
    EXPECT_EQ(body.content_type, "application/cloudevents+json");
    json told = json::parse(body.text);
    EXPECT_EQ(told["data"], publish::to_json(record));
    told.erase("data");
    EXPECT_EQ(told, json::parse(R"({"specversion": "1.0", "id": "1795430041302", "source": "/governor/node-1",
        "type": "org.jobmate.governor.oom_verdict", "subject": "jobmate/coach",
        "time": "2026-05-01T02:14:07.000Z", "datacontenttype": "application/json"})"));
}

TEST(Body, ACloudEventOfTheGovernorItselfHasNoSubject) {
    EXPECT_FALSE(json::parse(render(HookFormat::kCloudevents, own_event()).text).contains("subject"));
    auto outside_compose = test::oom_verdict();
    outside_compose.subject.change([](publish::Subject& subject) { subject.project = subject.service = ""; });
    EXPECT_EQ(json::parse(render(HookFormat::kCloudevents, outside_compose).text)["subject"],
              "jobmate-coach-1");
}

TEST(Body, SlackTellsAPersonAtNightWhoWhatWhyAndWhichProcess) {
    auto record = test::oom_verdict();
    const Body body = render(HookFormat::kSlack, record);
    EXPECT_EQ(body.content_type, "application/json");
    const json told = json::parse(body.text);
    EXPECT_EQ(told["text"], "*jobmate/coach*: OOM KILL, judged");
    EXPECT_EQ(told["attachments"][0]["color"], "danger");
    EXPECT_EQ(told["attachments"][0]["text"], "The container came to its own hard limit.");
    EXPECT_EQ(field(told, "Verdict"), "own limit");
    EXPECT_EQ(field(told, "Process"), "python3 (pid 4711, 230MiB)");
    EXPECT_THAT(told["attachments"][0]["footer"].get<std::string>(), HasSubstr("node-1"));
    EXPECT_THAT(told["attachments"][0]["footer"].get<std::string>(), HasSubstr("1795430041302"));

    record.type = "oom_near";
    record.event->reason = {policies::Rule::kUnreclaimable,
                            policies::Quantity::of(policies::Bytes{240ULL << 20U}),
                            policies::Quantity::of(policies::Bytes{230ULL << 20U}), 10s};
    EXPECT_EQ(field(json::parse(render(HookFormat::kSlack, record).text), "Why"),
              "unreclaimable memory 240MiB (threshold 230MiB) within 10s");
}

TEST(Body, SlackShowsAGoodRestartAsGood) {
    publish::Record record = test::full_records().front();
    EXPECT_EQ(json::parse(render(HookFormat::kSlack, record).text)["attachments"][0]["color"], "warning");
    record.event->outcome = policies::Outcome::kGraceful;
    EXPECT_EQ(json::parse(render(HookFormat::kSlack, record).text)["attachments"][0]["color"], "good");
}

TEST(Body, SlackCannotBeMadeToCallEverybody) {
    const Body body = render(HookFormat::kSlack, hostile());
    EXPECT_THAT(body.text, Not(HasSubstr("<")));
    EXPECT_THAT(body.text, Not(HasSubstr(">")));
    const json told = json::parse(body.text);
    // One line, whatever the process is named.
    EXPECT_EQ(field(told, "Process"), "a\"}\\x0a&lt;!x&gt;&amp;\xef\xbf\xbd\\ (pid 4711, 230MiB)");
    EXPECT_LE(told["attachments"][0]["text"].get<std::string>().size(), 2000U);
}

TEST(Body, DockersFormIsThatOfTheControlSocket) {
    const json told = json::parse(render(HookFormat::kDocker, test::full_records().front()).text);
    EXPECT_EQ(told["Type"], "container");
    EXPECT_EQ(told["Action"], "restart_finished");
    EXPECT_EQ(told["Actor"]["ID"], "4f2a91c07be3");
    const json& attributes = told["Actor"]["Attributes"];
    EXPECT_EQ(attributes["com.docker.compose.service"], "coach");
    EXPECT_EQ(attributes["com.docker.compose.container-number"], "1");
    EXPECT_EQ(attributes["governor.event_id"], "1795430041302");
    EXPECT_EQ(attributes["governor.outcome"], "oom_killed");
    EXPECT_EQ(attributes["governor.memory.tripwire"], "unlimited");
    EXPECT_EQ(told["timeNano"], 1'777'601'647'123'000'000);
    EXPECT_EQ(json::parse(render(HookFormat::kDocker, own_event()).text)["Actor"]["Attributes"]["name"],
              "node-1");
}

TEST(Body, ATemplateIsFilledFromTheEvent) {
    EXPECT_EQ(fill(R"({"who": "{{service}}", "pid": {{ victim.pid }}, "none": "{{ nothing.here }}"})",
                   test::oom_verdict())
                  .text,
              R"({"who": "coach", "pid": 4711, "none": ""})");
    const Body text = fill("{{ service }}: {{ detail }}", test::oom_verdict(), "text/plain");
    EXPECT_EQ(text.text, "coach: The container came to its own hard limit.");
    EXPECT_EQ(text.content_type, "text/plain");
}

TEST(Body, ATemplateOfJsonStaysJsonWhateverTheValues) {
    const Body body = fill(R"({"process": "{{ victim.comm }}", "name": "{{ container.name }}", "q": "\"",
                               "victim": {{ victim }}, "as_text": "{{ victim }}", "detail": "{{ detail }}"})",
                           hostile(), "application/vnd.acme+json; charset=utf-8");
    const json told = json::parse(body.text);
    EXPECT_EQ(told["process"], "a\"}\n<!x>&\xef\xbf\xbd\\");
    // What stands in a value is no template.
    EXPECT_EQ(told["name"], "<!channel>{{ detail }}");
    EXPECT_EQ(told["victim"]["pid"], 4711);
    EXPECT_EQ(json::parse(told["as_text"].get<std::string>()), told["victim"]);
    EXPECT_EQ(told["detail"].get<std::string>().size(), 10'003U);
}

TEST(Body, ATemplateOfTextHasTheValuesAsTheyAre) {
    EXPECT_EQ(fill("{{ victim.comm }} {{ evidence }}", hostile(), "text/plain").text,
              "a\"}\n<!x>&\xef\xbf\xbd\\ [\"kernel_log\",\"oom_kill_counter\"]");
    EXPECT_EQ(fill("{{ service", test::oom_verdict(), "text/plain").text, "{{ service");
    EXPECT_EQ(fill("{{ . }}{{ service.x }}|", test::oom_verdict(), "text/plain").text, "|");
}

TEST(Body, EveryFormOfAHostileEventIsJson) {
    for (const auto format :
         {HookFormat::kEvent, HookFormat::kCloudevents, HookFormat::kSlack, HookFormat::kDocker}) {
        const Body body = render(format, hostile());
        EXPECT_FALSE(json::parse(body.text, nullptr, false).is_discarded());
        EXPECT_THAT(body.text, Not(HasSubstr("\n")));
    }
}

TEST(Body, WhatIsNoJsonInTheJournalIsToldAllTheSame) {
    const journal::Stored damaged{7, {}, "killed", "jobmate", "coach", "jobmate-coach-1", "{\"id\":7,"};
    for (const auto format : {HookFormat::kCloudevents, HookFormat::kSlack, HookFormat::kDocker}) {
        policies::Webhook webhook;
        webhook.format = format;
        EXPECT_THAT(render_body(webhook, damaged, kOrigin).text, HasSubstr("coach"));
    }
}

TEST(Wording, CutsBetweenCharacters) {
    EXPECT_EQ(cut("short", 5), "short");
    EXPECT_EQ(cut("a\xc3\xa4\xc3\xa4\xc3\xa4", 6), "a\xc3\xa4…");
    EXPECT_EQ(cut("a\xc3\xa4\xc3\xa4\xc3\xa4", 5), "a…");
}

}  // namespace
}  // namespace governor::hooks
