// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/event_stream.hpp"

#include "tests/support/fake_engine.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace governor::docker {
namespace {

using test::FakeEngine;
using test::Reply;
using test::run_until;
using namespace std::chrono_literals;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string line(const std::string& action, std::int64_t time_nano) {
    return R"({"Type":"container","Action":")" + action +
           R"(","Actor":{"ID":"c1","Attributes":{"name":"coach"}},"timeNano":)" + std::to_string(time_nano) +
           "}\n";
}

class Recorder : public EventHandler {
  public:
    void on_event(const Event& event) override { seen.push_back(event.action); }
    void on_connected(bool resumed) override { seen.emplace_back(resumed ? "<resumed>" : "<connected>"); }
    void on_disconnected(const Error& reason, std::chrono::milliseconds retry_in) override {
        reasons.push_back(reason);
        delays.push_back(retry_in);
    }

    std::vector<std::string> seen;
    std::vector<Error> reasons;
    std::vector<std::chrono::milliseconds> delays;
};

class EventStreamTest : public testing::Test {
  protected:
    EventStreamTest() {
        engine_.on("GET", "/version", Reply::json(R"({"ApiVersion":"1.47","MinAPIVersion":"1.24"})"));
        engine_.on("GET", "/v1.47/events", Reply::stream());
        options_.backoff_from = 1ms;
        options_.backoff_to = 4ms;
    }
    void TearDown() override {
        signal_.emit(boost::asio::cancellation_type::terminal);
        EXPECT_TRUE(run_until(io_, [this] { return finished_ || !stream_; }));
    }

    void start() {
        stream_.emplace(client_, options_);
        const auto done = [this](const std::exception_ptr& thrown) {
            EXPECT_FALSE(thrown);
            finished_ = true;
        };
        boost::asio::co_spawn(io_, stream_->run(recorder_),
                              boost::asio::bind_cancellation_slot(signal_.slot(), done));
    }
    bool wait_streams(std::size_t count) {
        return run_until(io_, [this, count] { return engine_.streams_opened() >= count; });
    }
    bool wait_seen(std::size_t count) {
        return run_until(io_, [this, count] { return recorder_.seen.size() >= count; });
    }
    bool wait_reasons(std::size_t count) {
        return run_until(io_, [this, count] { return recorder_.reasons.size() >= count; });
    }
    std::string last_target() const { return engine_.requests().back().target; }

    boost::asio::io_context io_;
    FakeEngine engine_{io_};
    Client client_{io_.get_executor(), engine_.socket_path()};
    EventStreamOptions options_;
    std::optional<EventStream> stream_;
    Recorder recorder_;
    boost::asio::cancellation_signal signal_;
    bool finished_ = false;
};

TEST_F(EventStreamTest, HandsOverEventsInOrder) {
    start();
    ASSERT_TRUE(wait_streams(1));
    EXPECT_EQ(last_target(),
              "/v1.47/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%7D");
    engine_.feed(line("create", 1) + line("start", 2));
    engine_.feed("\n\r\n");
    engine_.feed(line("die", 3));
    ASSERT_TRUE(wait_seen(4));
    EXPECT_EQ(recorder_.seen, (std::vector<std::string>{"<connected>", "create", "start", "die"}));
}

TEST_F(EventStreamTest, GivesTheLinesOfAllTypesAsTheyCameAndTheHandlerContainersOnly) {
    std::vector<std::string> lines;
    options_.since = kSecond;
    options_.on_line = [&lines](const Event& event, std::string_view text) {
        lines.push_back(event.type + " " + std::string(text));
    };
    start();
    ASSERT_TRUE(wait_streams(1));
    EXPECT_EQ(last_target(), "/v1.47/events?since=1.000000000");
    const std::string network = R"({ "Type":"network", "Action":"connect", "timeNano":2, "more":[1] })";
    engine_.feed(network + "\n" + network + "\n" + line("die", 3));
    ASSERT_TRUE(wait_seen(2));
    EXPECT_EQ(recorder_.seen, (std::vector<std::string>{"<connected>", "die"}));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0], "network " + network);
}

TEST_F(EventStreamTest, PiecesMayBeCutAtEveryByte) {
    start();
    ASSERT_TRUE(wait_streams(1));
    const std::string text = line("create", 1) + "\n" + line("start", 2);
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        const std::int64_t base = static_cast<std::int64_t>(cut) * 10;
        const std::string piece = line("create", base) + "\n" + line("start", base + 1);
        engine_.feed(piece.substr(0, cut));
        engine_.feed(piece.substr(cut));
        ASSERT_TRUE(wait_seen(1 + 2 * cut)) << cut;
    }
    const std::size_t expected = 1 + 2 * (text.size() - 1);
    ASSERT_EQ(recorder_.seen.size(), expected);
    for (std::size_t i = 1; i < expected; ++i) EXPECT_EQ(recorder_.seen[i], i % 2 == 1 ? "create" : "start");
    EXPECT_EQ(stream_->malformed_lines(), 0U);
}

TEST_F(EventStreamTest, ResumesAfterACutWithoutLossOrRepetition) {
    start();
    ASSERT_TRUE(wait_streams(1));
    engine_.feed(line("kill", 5 * kSecond) + line("die", 6 * kSecond + 1));
    ASSERT_TRUE(wait_seen(3));
    const std::string half = line("stop", 7 * kSecond);
    engine_.cut_stream(half.substr(0, half.size() / 2));
    ASSERT_TRUE(wait_streams(2));
    EXPECT_NE(last_target().find("&since=5.900000001"), std::string::npos) << last_target();
    engine_.feed(line("die", 6 * kSecond + 1) + line("stop", 7 * kSecond));
    ASSERT_TRUE(wait_seen(5));
    EXPECT_EQ(recorder_.seen, (std::vector<std::string>{"<connected>", "kill", "die", "<resumed>", "stop"}));
    EXPECT_EQ(stream_->duplicates(), 1U);
    ASSERT_EQ(recorder_.reasons.size(), 1U);
    EXPECT_EQ(recorder_.reasons[0].kind, Error::Kind::kUnreachable);
}

TEST_F(EventStreamTest, ResumesAfterAProperEndToo) {
    start();
    ASSERT_TRUE(wait_streams(1));
    engine_.end_stream();
    ASSERT_TRUE(wait_streams(2));
    engine_.feed(line("start", 1));
    ASSERT_TRUE(wait_seen(3));
    EXPECT_EQ(recorder_.seen.back(), "start");
}

TEST_F(EventStreamTest, ASilentStreamIsOpenedAnew) {
    options_.idle_timeout = 20ms;
    start();
    ASSERT_TRUE(wait_streams(2));
    EXPECT_EQ(recorder_.reasons.front().kind, Error::Kind::kTimeout);
}

TEST_F(EventStreamTest, BeginsWhereItIsTold) {
    options_.since = 3 * kSecond + 7;
    start();
    ASSERT_TRUE(wait_streams(1));
    EXPECT_NE(last_target().find("&since=3.000000007"), std::string::npos);
}

TEST_F(EventStreamTest, GarbageBetweenEventsIsCountedAndLeftOut) {
    options_.max_line = 500;
    start();
    ASSERT_TRUE(wait_streams(1));
    engine_.feed("not json\n[]\n{}\n" + std::string(1000, 'x'));
    engine_.feed("\n" + line("oom", 1));
    ASSERT_TRUE(wait_seen(2));
    EXPECT_EQ(recorder_.seen.back(), "oom");
    engine_.end_stream();
    ASSERT_TRUE(wait_reasons(1));
    EXPECT_EQ(stream_->malformed_lines(), 4U);
}

TEST_F(EventStreamTest, WaitsLongerAfterEachFailure) {
    engine_.forget("GET", "/v1.47/events");
    engine_.on("GET", "/v1.47/events", Reply::json(R"({"message":"forbidden by the proxy"})", 403));
    start();
    ASSERT_TRUE(wait_reasons(4));
    EXPECT_EQ(recorder_.reasons[0].kind, Error::Kind::kHttp);
    EXPECT_NE(recorder_.reasons[0].message.find("forbidden by the proxy"), std::string::npos);
    EXPECT_TRUE(recorder_.seen.empty());
    EXPECT_EQ(recorder_.delays[0], 1ms);
    EXPECT_EQ(recorder_.delays[1], 2ms);
}

TEST_F(EventStreamTest, AgreesOnTheVersionAnewAfterAnUpdateOfTheEngine) {
    start();
    ASSERT_TRUE(wait_streams(1));
    engine_.forget("GET", "/version");
    engine_.on("GET", "/version", Reply::json(R"({"ApiVersion":"1.44","MinAPIVersion":"1.24"})"));
    engine_.on("GET", "/v1.44/events", Reply::stream());
    engine_.cut_stream();
    ASSERT_TRUE(wait_streams(2));
    EXPECT_TRUE(last_target().starts_with("/v1.44/events"));
}

TEST_F(EventStreamTest, StopsWhenCancelledWhileItWaitsToRetry) {
    engine_.stop_listening();
    options_.backoff_from = 1h;
    start();
    ASSERT_TRUE(wait_reasons(1));
    signal_.emit(boost::asio::cancellation_type::terminal);
    EXPECT_TRUE(run_until(io_, [this] { return finished_; }));
}

TEST_F(EventStreamTest, StopsWhenCancelledWhileItReads) {
    start();
    ASSERT_TRUE(wait_seen(1));
    signal_.emit(boost::asio::cancellation_type::terminal);
    EXPECT_TRUE(run_until(io_, [this] { return finished_; }));
    EXPECT_TRUE(recorder_.reasons.empty());
}

}  // namespace
}  // namespace governor::docker
