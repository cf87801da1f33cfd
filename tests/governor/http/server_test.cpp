// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/server.hpp"

#include "governor/http/client.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/tree.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

namespace governor::http {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;

class FakeApi final : public ControlApi {
  public:
    Reply status() override { return {200, {{"version", "x"}, {"bad", "\xff"}}}; }
    Reply explain(std::string_view service) override {
        if (service == "throws") throw std::runtime_error("boom");
        if (service != "redis") return {404, {{"error", "no such service"}}};
        return {200, {{"service", service}}};
    }
    Reply command(std::string_view name, std::string_view service) override {
        commands.push_back(std::string(name) + ":" + std::string(service));
        if (service == "two") return {400, {{"error", "\"two\" names containers of several projects"}}};
        return {200, nlohmann::json::object()};
    }
    std::vector<std::string> commands;
};

/// A running server; blocking clients run on a thread of their own.
class ServerTest : public testing::Test {
  protected:
    ServerTest() { options.path = tree.path("governor.sock"); }
    void start() {
        server.emplace(io.get_executor(), options, api, publisher);
        ASSERT_TRUE(server->open());
        asio::co_spawn(io, server->run(),
                       asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr error) {
                           failed = error != nullptr;
                           ended = true;
                       }));
    }
    void stop() {
        cancel.emit(asio::cancellation_type::terminal);
        ASSERT_TRUE(test::run_until(io, [this] { return ended; }));
    }
    template <class Work>
    auto with_client(Work work) {
        using Result = decltype(work());
        std::optional<Result> result;
        bool done = false;
        std::thread thread([&] {
            result.emplace(work());
            asio::post(io, [&] { done = true; });
        });
        EXPECT_TRUE(test::run_until(io, [&] { return done; }));
        thread.join();
        return std::move(*result);
    }
    auto get(const std::string& target) {
        return with_client([&] { return Client(options.path).get(target); });
    }
    auto post(const std::string& target) {
        return with_client([&] { return Client(options.path).post(target); });
    }
    /// Sends bytes and reads to the end.
    std::string raw(const std::string& bytes) {
        return with_client([&] {
            asio::io_context own;
            asio::local::stream_protocol::socket socket(own);
            boost::system::error_code ignored;
            socket.connect(asio::local::stream_protocol::endpoint(options.path), ignored);
            asio::write(socket, asio::buffer(bytes), ignored);
            std::string answer;
            asio::read(socket, asio::dynamic_buffer(answer), ignored);
            return answer;
        });
    }
    void happen(const std::string& service) {
        publish::Record record;
        record.type = "armed";
        record.subject = publish::Subject{.service = service};
        publisher.publish(record);
    }

    TempTree tree;
    asio::io_context io;
    FakeApi api;
    publish::Publisher publisher{[] { return std::chrono::system_clock::time_point{}; }, nullptr, {}};
    ServerOptions options;
    std::optional<Server> server;
    asio::cancellation_signal cancel;
    bool ended = false;
    bool failed = false;
};

TEST_F(ServerTest, MetricsAreText) {
    options.metrics = [] { return std::make_shared<const std::string>("governor_host_short 0\n"); };
    start();
    const std::string answer = raw("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(answer, testing::EndsWith("\r\n\r\ngovernor_host_short 0\n"));
}

TEST_F(ServerTest, AnswersAndCommands) {
    start();
    const auto status = get("/v1/status");
    ASSERT_TRUE(status) << status.error();
    EXPECT_EQ(status->status, 200);
    EXPECT_EQ(nlohmann::json::parse(status->body)["version"], "x");
    EXPECT_EQ(nlohmann::json::parse(get("/v1/version")->body)["version"], GOVERNOR_VERSION);
    EXPECT_EQ(get("/v1/explain/redis")->status, 200);
    EXPECT_EQ(get("/v1/explain/nobody")->status, 404);
    EXPECT_EQ(post("/v1/release/a%2Fb")->status, 200);
    EXPECT_EQ(post("/v1/reload")->status, 200);
    EXPECT_EQ(api.commands, (std::vector<std::string>{"release:a/b", "reload:"}));
}

TEST_F(ServerTest, SaysWhatIsWrongWithARequest) {
    start();
    EXPECT_EQ(get("/nothing")->status, 404);
    EXPECT_EQ(post("/v1/status")->status, 405);
    EXPECT_EQ(get("/v1/events?since=x")->status, 400);
    EXPECT_THAT(raw("POST /v1/status HTTP/1.1\r\n\r\n"), HasSubstr("Allow: GET"));
    EXPECT_THAT(raw("rubbish\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(raw("POST /v1/reload HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n"),
                StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(raw("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 431"));
    EXPECT_EQ(get("/v1/explain/throws")->status, 500);
    EXPECT_TRUE(api.commands.empty());
}

TEST_F(ServerTest, GivesPastEvents) {
    start();
    happen("a");
    happen("b");
    happen("a");
    const auto events = get("/v1/events?service=a&after=1");
    ASSERT_TRUE(events);
    EXPECT_THAT(events->body, HasSubstr("\"id\":3"));
    EXPECT_EQ(std::count(events->body.begin(), events->body.end(), '\n'), 1);
}

TEST_F(ServerTest, FollowsEventsWithoutGapOrRepetition) {
    start();
    happen("past");
    std::vector<std::string> seen;
    const auto answer = with_client([&] {
        return Client(options.path).follow("/v1/events?follow=1", [&](std::string_view line) {
            seen.push_back(nlohmann::json::parse(line)["service"]);
            if (seen.size() < 3) asio::post(io, [this] { happen("new"); });
            return seen.size() < 3;
        });
    });
    EXPECT_TRUE(answer) << answer.error();
    EXPECT_EQ(seen, (std::vector<std::string>{"past", "new", "new"}));
    // A follower who leaves gives its place back, without an event to send.
    EXPECT_TRUE(test::run_until(io, [this] { return server->connections() == 0; }));
}

TEST_F(ServerTest, StopsWithFollowersAndRemovesItsSocket) {
    start();
    happen("past");
    bool first = true;
    const auto answer = with_client([&] {
        return Client(options.path).follow("/v1/events?follow=1", [&](std::string_view) {
            if (first) asio::post(io, [this] { cancel.emit(asio::cancellation_type::terminal); });
            first = false;
            return true;
        });
    });
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error(), HasSubstr("cut"));
    ASSERT_TRUE(test::run_until(io, [this] { return ended; }));
    EXPECT_FALSE(failed);
    EXPECT_EQ(server->connections(), 0U);
    EXPECT_FALSE(std::filesystem::exists(options.path));
}

TEST_F(ServerTest, StopWorksWithoutACancellation) {
    start();
    asio::post(io, [this] { server->stop(); });
    EXPECT_TRUE(test::run_until(io, [this] { return ended; }));
    EXPECT_FALSE(std::filesystem::exists(options.path));
}

TEST_F(ServerTest, RefusesMoreConnectionsThanItsLimit) {
    options.max_connections = 1;
    start();
    happen("past");
    int status = 0;
    const auto answer = with_client([&] {
        return Client(options.path).follow("/v1/events?follow=1", [&](std::string_view) {
            status = Client(options.path).get("/v1/version")->status;
            return false;
        });
    });
    EXPECT_TRUE(answer);
    EXPECT_EQ(status, 503);
    ASSERT_TRUE(test::run_until(io, [this] { return server->connections() == 0; }));
    EXPECT_EQ(get("/v1/version")->status, 200);
}

TEST_F(ServerTest, ClosesAConnectionThatSaysNothing) {
    options.read_timeout = std::chrono::milliseconds(1);
    start();
    EXPECT_EQ(raw(""), "");
}

TEST_F(ServerTest, SurvivesTheLoopsEndWithOpenConnections) {
    start();
    asio::local::stream_protocol::socket client(io);
    client.connect(asio::local::stream_protocol::endpoint(options.path));
    EXPECT_TRUE(test::run_until(io, [this] { return server->connections() == 1; }));
    server.reset();
    // The frames of the connection end with `io`, after the server.
}

TEST_F(ServerTest, ASecondServerIsToldOfTheFirst) {
    start();
    Server second(io.get_executor(), options, api, publisher);
    const auto opened = second.open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error(), HasSubstr("another governor"));
}

TEST(Client, SaysWhyNobodyAnswers) {
    const TempTree tree;
    EXPECT_THAT(Client(tree.path("none.sock")).get("/v1/status").error(), HasSubstr("no such socket"));
    asio::io_context io;
    {
        asio::local::stream_protocol::acceptor dead(
            io, asio::local::stream_protocol::endpoint(tree.path("dead.sock")));
    }
    EXPECT_THAT(Client(tree.path("dead.sock")).get("/v1/status").error(), HasSubstr("nobody listens"));
    asio::local::stream_protocol::acceptor mute(
        io, asio::local::stream_protocol::endpoint(tree.path("mute.sock")));
    Client::Options options;
    options.timeout = std::chrono::milliseconds(1);
    EXPECT_THAT(Client(tree.path("mute.sock"), options).get("/v1/status").error(), HasSubstr("within 1ms"));
}

TEST_F(ServerTest, EventsOfANameOfSeveralProjectsAreRefused) {
    start();
    for (const char* target : {"/v1/events?service=two", "/v1/events?service=two&follow=1"}) {
        const auto refused = get(target);
        ASSERT_TRUE(refused) << target;
        EXPECT_EQ(refused->status, 400) << target;
        EXPECT_THAT(refused->body, HasSubstr("several projects"));
    }
    EXPECT_EQ(api.commands.front(), "resolve:two");
    stop();
}

}  // namespace
}  // namespace governor::http
