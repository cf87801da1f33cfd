// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace governor::publish {
namespace {

using namespace policies;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::chrono::system_clock::time_point at_2am() {
    return std::chrono::sys_days(std::chrono::year(2026) / 5 / 1) + 2h + 14min + 7s + 45ms;
}

Record near_oom() {
    Record record;
    record.sequence = 42;
    record.time = at_2am();
    record.type = "oom_near";
    record.subject = Subject{"4f2a", "jobmate-ai-coach-1", "coach:1", "jobmate", "ai-coach", 1, "ai"};
    Event event;
    event.type = EventType::kOomNear;
    event.at = TimePoint(Duration(123456789));
    event.reason = {Rule::kUnreclaimable, Quantity::of(Bytes{241'591'910}), Quantity::of(200_MiB), 10s};
    event.unreclaimable = Bytes{241'591'910};
    event.hard = 256_MiB;
    event.tripwire = kUnlimited;
    event.growth = 12 << 20;
    event.eta = 1500ms;
    record.event = event;
    return record;
}

TEST(Rfc3339, HasMillisecondsAndIsUtc) {
    EXPECT_EQ(rfc3339(at_2am()), "2026-05-01T02:14:07.045Z");
    EXPECT_EQ(rfc3339(std::chrono::system_clock::time_point(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(RenderJson, HasRawNumbersUnitsAndTexts) {
    const auto json = to_json(near_oom());
    EXPECT_EQ(json, nlohmann::json::parse(R"({
        "time": "2026-05-01T02:14:07.045Z", "id": 42, "type": "oom_near",
        "service": "ai-coach", "project": "jobmate", "policy": "ai",
        "container": {"id": "4f2a", "name": "jobmate-ai-coach-1", "image": "coach:1", "number": 1},
        "reason": {"rule": "unreclaimable", "measured": {"bytes": 241591910, "text": "230.4MiB"},
                   "threshold": {"bytes": 209715200, "text": "200MiB"}, "window_ms": 10000},
        "memory": {"unreclaimable": 241591910, "hard": 268435456, "tripwire": null, "growth_per_s": 12582912, "eta_ms": 1500},
        "monotonic_ns": 123456789})"));
}

TEST(RenderJson, LeavesOutDefaults) {
    Record record;
    record.type = "governor_started";
    EXPECT_EQ(to_json(record),
              nlohmann::json::parse(
                  R"({"time": "1970-01-01T00:00:00.000Z", "id": 0, "type": "governor_started"})"));
}

TEST(RenderJson, TellsEveryFieldOfARestart) {
    Record record;
    record.type = "restart_finished";
    Event event;
    event.type = EventType::kRestartFinished;
    event.outcome = Outcome::kGraceful;
    event.via = Via::kDocker;
    event.exit_code = 0;
    event.stop_handling = StopHandling::kHandled;
    event.brake = 120us;
    event.drain = 2s;
    event.total = 4250ms;
    event.count = 2;
    event.frozen = true;
    record.event = event;
    const auto json = to_json(record);
    EXPECT_EQ(json["outcome"], "graceful");
    EXPECT_EQ(json["via"], "docker");
    EXPECT_EQ(json["exit_code"], 0);
    EXPECT_EQ(json["stop_handling"], "handled");
    EXPECT_DOUBLE_EQ(json["brake_ms"].get<double>(), 0.12);
    EXPECT_TRUE(json["drain_ms"].is_number_integer());
    EXPECT_EQ(json["total_ms"], 4250);
    EXPECT_EQ(json["count"], 2);
    EXPECT_EQ(json["frozen"], true);
    EXPECT_FALSE(json.contains("reason"));
    EXPECT_FALSE(json.contains("memory"));
}

TEST(RenderJson, EveryKindOfQuantity) {
    Record record = near_oom();
    record.event->reason = {Rule::kEta, Quantity::of(Duration(1500ms)), Quantity::of(Permille{875}), 0s};
    EXPECT_EQ(to_json(record)["reason"]["measured"],
              nlohmann::json::parse(R"({"ms": 1500, "text": "1.5s"})"));
    EXPECT_EQ(to_json(record)["reason"]["threshold"],
              nlohmann::json::parse(R"({"permille": 875, "text": "87.5%"})"));
    record.event->reason = {Rule::kBreaker, Quantity::count(5), {}, 600s};
    EXPECT_EQ(to_json(record)["reason"]["measured"], nlohmann::json::parse(R"({"count": 5, "text": "5"})"));
    EXPECT_FALSE(to_json(record)["reason"].contains("threshold"));
}

TEST(RenderJson, SurvivesNamesThatAreNotUtf8) {
    Record record = near_oom();
    record.detail = "bad \xff\xfe name\nnext";
    const auto line = to_json_line(record);
    EXPECT_THAT(line, Not(HasSubstr("\n")));
    EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded());
}

TEST(RenderText, SaysWhenWhoWhatAndWhy) {
    EXPECT_EQ(to_text(near_oom()),
              "2026-05-01T02:14:07.045Z  ai-coach  NEAR OOM: unreclaimable memory 230.4MiB (threshold "
              "200MiB) within 10s; "
              "hard limit 256MiB, growing 12MiB/s, OOM in 1.5s");
}

TEST(RenderText, StaysOnOneLineAndCannotDriveATerminal) {
    Record record = near_oom();
    record.subject.change([](Subject& subject) { subject.service = "evil\x1b[2J"; });
    record.detail = "first\nsecond";
    const auto text = to_text(record);
    EXPECT_THAT(text, Not(HasSubstr("\n")));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, HasSubstr("second"));
}

TEST(RenderText, NamesReplicasAndTheGovernorItself) {
    Record record = near_oom();
    record.subject.change([](Subject& subject) { subject.number = 2; });
    EXPECT_THAT(to_text(record), HasSubstr("ai-coach#2"));
    Record own;
    own.type = "governor_started";
    own.detail = "version 1";
    EXPECT_EQ(to_text(own), "1970-01-01T00:00:00.000Z  governor  governor started -- version 1");
}

TEST(RenderText, HasWordsForEveryType) {
    for (int i = 0; i <= static_cast<int>(EventType::kDriftStorm); ++i) {
        Record record;
        record.event = Event{};
        record.event->type = static_cast<EventType>(i);
        record.type = to_string(record.event->type);
        EXPECT_THAT(to_text(record), Not(HasSubstr("unknown"))) << record.type;
    }
}

TEST(RenderText, HasWordsForEveryRule) {
    for (int i = 1; i <= static_cast<int>(Rule::kNotBack); ++i) {
        Record record = near_oom();
        record.event->reason.rule = static_cast<Rule>(i);
        EXPECT_THAT(to_text(record), HasSubstr(" 230.4MiB (")) << to_string(record.event->reason.rule);
    }
}

}  // namespace
}  // namespace governor::publish
