// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/event_lines.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace governor::docker {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> drain(LineSplitter& splitter) {
    std::vector<std::string> lines;
    while (auto line = splitter.next()) lines.push_back(std::move(*line));
    return lines;
}

Event make_event(std::int64_t time_nano, std::string action, std::string actor = "c1") {
    Event event;
    event.time_nano = time_nano;
    event.action = std::move(action);
    event.actor_id = std::move(actor);
    return event;
}

TEST(LineSplitter, CutAtEveryByte) {
    const std::string text = "one\n\n \r\ntwo\r\nthree\n";
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            LineSplitter splitter(100);
            splitter.feed(text.substr(0, first));
            splitter.feed(text.substr(first, second - first));
            splitter.feed(text.substr(second));
            EXPECT_EQ(drain(splitter), (std::vector<std::string>{"one", "two", "three"}));
        }
    }
}

TEST(LineSplitter, AnUnfinishedLineIsNotALine) {
    LineSplitter splitter(100);
    splitter.feed("{\"half\":");
    EXPECT_FALSE(splitter.next());
}

TEST(LineSplitter, DropsALongLineOnceAndGoesOn) {
    LineSplitter splitter(5);
    splitter.feed("12345\n");
    for (int i = 0; i < 1000; ++i) splitter.feed("xxxx");
    splitter.feed("x\nnext\n");
    EXPECT_EQ(drain(splitter), (std::vector<std::string>{"12345", "next"}));
    EXPECT_EQ(splitter.dropped_lines(), 1U);
}

TEST(ResumePoint, NothingToResumeFromAtFirst) {
    EXPECT_FALSE(ResumePoint(std::nullopt).since());
    EXPECT_EQ(ResumePoint(5).since(), 5);
}

TEST(ResumePoint, AReplayIsRecognisedHoweverFarBackItBegins) {
    ResumePoint point(std::nullopt);
    for (std::int64_t i = 1; i <= 400; ++i) EXPECT_TRUE(point.accept(make_event(i, "start")));
    for (std::int64_t i = 145; i <= 400; ++i) EXPECT_FALSE(point.accept(make_event(i, "start")));
    EXPECT_TRUE(point.accept(make_event(401, "start")));
}

TEST(ResumePoint, EventsOfTheSameInstantDiffer) {
    ResumePoint point(std::nullopt);
    EXPECT_TRUE(point.accept(make_event(1, "die", "a")));
    EXPECT_TRUE(point.accept(make_event(1, "die", "b")));
    EXPECT_TRUE(point.accept(make_event(1, "stop", "a")));
    EXPECT_FALSE(point.accept(make_event(1, "die", "a")));
}

TEST(ResumePoint, GoesBackALittleForEventsThatCameOutOfOrder) {
    ResumePoint point(std::nullopt);
    EXPECT_TRUE(point.accept(make_event(2'000'000'000, "stop")));
    EXPECT_EQ(point.since(), 1'900'000'000);
    EXPECT_TRUE(point.accept(make_event(1'999'999'999, "die")));
}

TEST(ResumePoint, FollowsAClockThatIsSetBack) {
    ResumePoint point(std::nullopt);
    EXPECT_TRUE(point.accept(make_event(9'000'000'000, "start")));
    EXPECT_TRUE(point.accept(make_event(3'000'000'000, "die")));
    EXPECT_EQ(point.since(), 2'900'000'000);
    EXPECT_FALSE(point.accept(make_event(9'000'000'000, "start")));
}

TEST(FormatSince, IsSecondsAndNanoseconds) {
    EXPECT_EQ(format_since(1714558830123456789), "1714558830.123456789");
    EXPECT_EQ(format_since(1'000'000'007), "1.000000007");
    EXPECT_EQ(format_since(0), "0.000000000");
    EXPECT_EQ(format_since(-5), "0.000000000");
}

TEST(Backoff, DoublesUpToItsLimit) {
    Backoff backoff(100ms, 5000ms);
    std::vector<std::chrono::milliseconds> waits;
    for (int i = 0; i < 8; ++i) waits.push_back(backoff.next());
    EXPECT_EQ(waits, (std::vector<std::chrono::milliseconds>{100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms,
                                                             5000ms, 5000ms}));
    backoff.reset();
    EXPECT_EQ(backoff.next(), 100ms);
}

}  // namespace
}  // namespace governor::docker
