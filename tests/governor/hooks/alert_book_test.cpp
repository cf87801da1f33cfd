// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/alert_book.hpp"

#include "tests/support/stored_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace governor::hooks {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Moment = AlertBook::Moment;

constexpr Moment kNight{std::chrono::seconds(1'777'601'647)};

/// A book whose Alertmanager takes everything, and what it was sent.
class AlertBookTest : public testing::Test {
  protected:
    /// An event of the coach at `now`, as the kind `type`.
    publish::Record event(const std::string& type) {
        publish::Record record = test::oom_verdict();
        record.type = type;
        if (type != "oom_verdict") record.event.emplace();
        record.event->at = policies::TimePoint(now - kNight + 100s);
        record.detail = "detail of " + type;
        return record;
    }
    publish::Record own(const std::string& type) {
        publish::Record record;
        record.type = type;
        return record;
    }
    void apply(publish::Record record) {
        record.sequence = ++id;
        record.time = now;
        history.push_back(test::stored(record));
        book.apply(history.back(), subscribed(on, record.type));
    }
    /// What is due now, delivered.
    json send() {
        const auto batch = book.due(now);
        book.sent(batch, now);
        return batch.empty() ? json::array() : json::parse(batch.body);
    }
    bool resolved(const json& alert) const { return time_of(alert, "endsAt") <= now; }
    static Moment time_of(const json& alert, const char* key) {
        return *publish::parse_moment(alert[key].get<std::string>(), std::nullopt);
    }
    /// The only one that is due now.
    json send_one() {
        const json sent = send();
        EXPECT_EQ(sent.size(), 1U) << sent;
        return sent.empty() ? json::object() : sent[0];
    }

    Moment now = kNight;
    std::uint64_t id = 0;
    std::vector<std::string> on{"*"};
    std::vector<journal::Stored> history;
    AlertBook::Settings settings{{"node-1", "0.1.0"}, 1min, 5min};
    AlertBook book{settings};
};

TEST_F(AlertBookTest, AWallClockThatIsSetChangesNoDuration) {
    for (const auto jump : {std::chrono::milliseconds(-24h * 400), std::chrono::milliseconds(24h * 400)}) {
        apply(event("breaker_opened"));
        EXPECT_FALSE(resolved(send_one()));
        now += jump;
        book.clock_set(jump);
        EXPECT_EQ(send(), json::array());
        now += 59s;
        EXPECT_EQ(send(), json::array());
        now += 1s;
        EXPECT_FALSE(resolved(send_one())) << "it fires, and is sent again in time";
        apply(event("breaker_released"));
        now += 5min;
        EXPECT_TRUE(resolved(send_one()));
    }
}

TEST_F(AlertBookTest, AnOomKillArrivesWithServiceVerdictAndCulprit) {
    apply(event("oom_killed"));
    EXPECT_EQ(send(), json::array()) << "the verdict follows";
    now += 1s;
    apply(event("oom_verdict"));
    const json alert = send_one();
    EXPECT_EQ(alert["labels"],
              json::parse(R"({"alertname": "OOMKilled", "severity": "critical", "host": "node-1",
        "service": "coach", "project": "jobmate", "container": "jobmate-coach-1", "policy": "ai-coach",
        "verdict": "own_limit", "culprit": "python3"})"));
    EXPECT_EQ(alert["annotations"]["summary"],
              "jobmate/coach: OOM KILL, judged, own limit, process python3 (pid 4711, 230MiB)");
    EXPECT_EQ(alert["annotations"]["description"], "detail of oom_verdict");
    EXPECT_EQ(alert["annotations"]["event_id"], "2");
    EXPECT_EQ(time_of(alert, "startsAt"), now);
    EXPECT_EQ(time_of(alert, "endsAt"), now + 3min) << "when the governor is gone, it ends by itself";
    EXPECT_EQ(send(), json::array());
}

TEST_F(AlertBookTest, WhoAsksForOomKillsIsToldTheVerdict) {
    EXPECT_TRUE(subscribed({"oom_killed"}, "oom_verdict"));
    EXPECT_TRUE(subscribed({"oom_k*"}, "oom_verdict"));
    EXPECT_FALSE(subscribed({"oom_verdict"}, "oom_killed"));
    EXPECT_FALSE(subscribed({"oom_killed"}, "oom_near"));
    EXPECT_FALSE(subscribed({}, "armed"));
    on = {"oom_killed"};
    apply(event("oom_killed"));
    apply(event("oom_verdict"));
    EXPECT_EQ(send_one()["labels"]["verdict"], "own_limit");
}

TEST_F(AlertBookTest, WithoutAVerdictTheKillIsToldAllTheSame) {
    apply(event("oom_killed"));
    EXPECT_EQ(book.next_due(), now + AlertBook::kVerdictWithin);
    now += AlertBook::kVerdictWithin;
    EXPECT_FALSE(send_one()["labels"].contains("verdict"));
    // The verdict was late: one alert is over, the other fires.
    now += 10s;
    apply(event("oom_verdict"));
    const json sent = send();
    ASSERT_EQ(sent.size(), 2U);
    for (const json& alert : sent) EXPECT_EQ(resolved(alert), !alert["labels"].contains("verdict")) << alert;
    EXPECT_EQ(book.size(), 1U);
}

TEST_F(AlertBookTest, TheKillThatIsCountedAfterItsVerdictIsNoSecondAlert) {
    apply(event("oom_verdict"));
    apply(event("oom_killed"));
    EXPECT_EQ(book.size(), 1U);
}

TEST_F(AlertBookTest, ItResolvesAWhileAfterTheServiceIsBack) {
    apply(event("oom_verdict"));
    send();
    now += 20s;
    apply(event("armed"));
    EXPECT_EQ(send(), json::array()) << "the group_wait of Alertmanager would swallow it";
    const Moment back = now;
    for (now += 40s; now < back + 5min; now += 1min) EXPECT_FALSE(resolved(send_one())) << "sent again";
    now = back + 5min;
    const json alert = send_one();
    EXPECT_TRUE(resolved(alert));
    EXPECT_EQ(time_of(alert, "endsAt"), back + 5min);
    EXPECT_EQ(book.size(), 0U);
    EXPECT_EQ(book.next_due(), std::nullopt);
}

TEST_F(AlertBookTest, ARepetitionPutsTheEndOff) {
    apply(event("oom_verdict"));
    const Moment first = now;
    send();
    apply(event("armed"));
    now += 4min;
    apply(event("oom_verdict"));
    const json again = send_one();
    EXPECT_EQ(time_of(again, "startsAt"), first) << "the same alert";
    apply(event("armed"));
    now += 4min;
    EXPECT_FALSE(resolved(send_one()));
    now += 1min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, AKilledChildNeedsNoRestart) {
    auto verdict = event("oom_verdict");
    verdict.event->victim.main = false;
    apply(verdict);
    send();
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, AKilledChildThatTookItsParentAlongDoes) {
    auto verdict = event("oom_verdict");
    verdict.event->victim.main = false;
    apply(verdict);
    send();
    auto exited = event("exited");
    exited.event->verdict = policies::Verdict::kOwnLimit;
    apply(exited);
    now += 6min;
    EXPECT_FALSE(resolved(send_one()));
    apply(event("armed"));
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, ARestartFasterThanTheVerdictEndsItToo) {
    auto verdict = event("oom_verdict");
    now += 500ms;
    apply(event("armed"));
    now += 1s;
    apply(verdict);
    send();
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, AContainerWithoutAPolicyIsNeverToldToBeBack) {
    auto verdict = event("oom_verdict");
    verdict.subject.change([](publish::Subject& subject) { subject.policy.clear(); });
    apply(verdict);
    send();
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, OneThatNeverComesBackIsGivenUpAfterADay) {
    apply(event("oom_verdict"));
    send();
    now += 23h;
    EXPECT_FALSE(resolved(send_one()));
    now += 65min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, AnotherContainersRecoveryEndsNothing) {
    apply(event("oom_verdict"));
    send();
    auto other = event("armed");
    other.subject =
        publish::Subject{"5a3b92d18cf4", "jobmate-coach-2", "coach:1", "jobmate", "coach", 2, "ai-coach"};
    apply(other);
    now += 6min;
    EXPECT_FALSE(resolved(send_one()));
}

TEST_F(AlertBookTest, QuarantineFiresUntilItIsReleased) {
    apply(event("breaker_opened"));
    EXPECT_EQ(send_one()["labels"]["alertname"], "BreakerOpened");
    now += 49h;
    apply(event("armed"));
    EXPECT_FALSE(resolved(send_one())) << "limits that are put on anew release nobody";
    apply(event("breaker_released"));
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, QuarantineEndsWhenSomebodyStopsTheContainer) {
    apply(event("breaker_opened"));
    send();
    apply(event("exited"));
    now += 10min;
    EXPECT_FALSE(resolved(send_one())) << "it died, and is in quarantine when it is back";
    apply(event("left_alone"));
    apply(event("exited"));
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, TheGovernorsOwnTroublesEndWhenTheyAreToldToBeOver) {
    const std::vector<std::pair<std::string, std::string>> pairs{{"host_short", "host_at_ease"},
                                                                 {"docker_disconnected", "docker_connected"},
                                                                 {"journal_degraded", "journal_recovered"}};
    for (const auto& [trouble, over] : pairs) {
        apply(own(trouble));
        EXPECT_EQ(send_one()["annotations"]["summary"].get<std::string>().substr(0, 9), "governor:");
        now += 25h;
        EXPECT_FALSE(resolved(send_one())) << trouble;
        apply(own(over));
        now += 5min;
        EXPECT_TRUE(resolved(send_one())) << trouble;
    }
}

TEST_F(AlertBookTest, AReservationThatHoldsAgainEndsItsOwnAlertOnly) {
    auto record = event("protection_short");
    record.event->file = "memory.min";
    apply(record);
    record.event->file = "memory.low";
    apply(record);
    EXPECT_EQ(send().size(), 2U);
    auto reserved = event("reserved");
    reserved.event->file = "memory.low";
    apply(reserved);
    now += 5min;
    for (const json& alert : send()) EXPECT_EQ(resolved(alert), alert["labels"]["file"] == "memory.low");
}

TEST_F(AlertBookTest, ARestartThatLostWorkIsAnAlertAndAGoodOneIsNot) {
    auto record = event("restart_finished");
    record.event->outcome = policies::Outcome::kGraceful;
    apply(record);
    record.event->outcome = policies::Outcome::kNone;
    apply(record);
    EXPECT_EQ(book.size(), 0U);
    record.event->outcome = policies::Outcome::kKilledByGovernor;
    apply(record);
    const json alert = send_one();
    EXPECT_EQ(alert["labels"]["alertname"], "RestartNotGraceful");
    EXPECT_EQ(alert["labels"]["outcome"], "killed_by_governor");
    EXPECT_EQ(alert["labels"]["severity"], "warning");
    now += 5min;
    EXPECT_TRUE(resolved(send_one())) << "it is back already";
}

TEST_F(AlertBookTest, OnlyWhatTheHookAskedForIsRaisedButEverythingRecovers) {
    on = {"breaker_opened"};
    apply(event("oom_verdict"));
    EXPECT_EQ(book.size(), 0U);
    apply(event("breaker_opened"));
    EXPECT_FALSE(resolved(send_one()));
    apply(event("breaker_released"));
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, EveryKindOfAlertCanEndAndNeedsOnlyTheTypesThatAreNamed) {
    for (const std::string& type : alert_types()) {
        auto record = event(type);
        record.event->outcome = policies::Outcome::kFailed;
        record.event->file = "memory.min";
        apply(record);
        now += AlertBook::kVerdictWithin;
        EXPECT_GE(send().size(), 1U) << type;
        for (const std::string& recovery : recovery_types()) {
            auto good = event(recovery);
            good.event->file = "memory.min";
            apply(good);
        }
        now += 5min;
        send();
        EXPECT_EQ(book.size(), 0U) << type;
    }
}

TEST_F(AlertBookTest, WhatCouldNotBeSentIsDueUntilItIs) {
    apply(event("oom_verdict"));
    const auto batch = book.due(now);
    now += 1s;
    EXPECT_EQ(book.due(now).entries.size(), 1U);
    // Something happens while the request is under way.
    apply(event("killed"));
    book.sent(batch, now);
    EXPECT_EQ(send_one()["labels"]["alertname"], "KilledByGovernor");
}

TEST_F(AlertBookTest, AlertmanagerThatWasAwayIsToldThatItFiredAndOnlyThenThatItIsOver) {
    apply(event("oom_verdict"));
    const Moment kill = now;
    apply(event("armed"));
    now += 6h;
    const json late = send_one();
    EXPECT_FALSE(resolved(late)) << "one that is over before anybody knew is told to nobody";
    EXPECT_EQ(time_of(late, "startsAt"), kill);
    now += 5min;
    EXPECT_TRUE(resolved(send_one()));
}

TEST_F(AlertBookTest, TheSameEventAgainChangesNothing) {
    apply(event("oom_verdict"));
    send();
    book.apply(history.back(), true);
    EXPECT_EQ(send(), json::array());
}

TEST_F(AlertBookTest, ARestartedGovernorGoesOnWhereItWas) {
    apply(event("breaker_opened"));
    apply(event("oom_verdict"));
    send();
    apply(event("armed"));
    now += 2min;
    AlertBook rebuilt(settings);
    for (const auto& past : history) rebuilt.apply(past, true);
    rebuilt.replayed(now);
    EXPECT_EQ(rebuilt.due(now).body, book.due(now).body);
    book = rebuilt;
    send();
    now += 3min;
    const json sent = send();
    ASSERT_EQ(sent.size(), 2U);
    for (const json& alert : sent) EXPECT_EQ(resolved(alert), alert["labels"]["alertname"] == "OOMKilled");
}

TEST_F(AlertBookTest, ARestartedGovernorTellsNothingThatIsLongOver) {
    apply(event("oom_verdict"));
    apply(event("armed"));
    now += 24h;
    book.replayed(now);
    EXPECT_EQ(send(), json::array());
    EXPECT_EQ(book.size(), 0U);
}

TEST_F(AlertBookTest, ARestartedGovernorTellsWhatItHeldBack) {
    apply(event("oom_killed"));
    now += 10s;
    book.replayed(now);
    EXPECT_EQ(send_one()["labels"]["alertname"], "OOMKilled");
}

TEST_F(AlertBookTest, AProcessThatNamesItselfToBreakThingsIsALabelLikeAnyOther) {
    auto record = event("oom_verdict");
    record.event->victim.set_name("a\"}\n\xff<&");
    record.detail = std::string(10'000, 'x');
    apply(record);
    const json alert = send_one();
    EXPECT_EQ(alert["labels"]["culprit"], "a\"}\\x0a\xef\xbf\xbd<&");
    EXPECT_LE(alert["annotations"]["description"].get<std::string>().size(), 2000U);
}

TEST_F(AlertBookTest, EndlessNewNamesDoNotFillTheMemory) {
    apply(event("breaker_opened"));
    for (int i = 0; i < 1000; ++i) {
        auto record = event("oom_verdict");
        record.event->victim.set_name("p" + std::to_string(i));
        now += 1s;
        apply(record);
    }
    EXPECT_EQ(book.size(), AlertBook::kMost);
    EXPECT_THAT(book.due(now).body, testing::HasSubstr("p999"));
}

}  // namespace
}  // namespace governor::hooks
