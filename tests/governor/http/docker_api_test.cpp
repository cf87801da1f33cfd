// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_api.hpp"

#include "tests/support/fake_engine.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/tree.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace governor::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using test::Reply;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class NoApi final : public ControlApi {
  public:
    http::Reply status() override { return {200, {{"governor", "status"}}}; }
    http::Reply explain(std::string_view) override { return {404, {}}; }
    http::Reply command(std::string_view, std::string_view) override { return {404, {}}; }
};

/// A client on the test's own loop: what it was sent is in `text`.
class RawClient {
  public:
    using Socket = asio::local::stream_protocol::socket;

    RawClient(asio::io_context& io, const std::string& path) : socket_(std::make_shared<Socket>(io)) {
        socket_->connect(asio::local::stream_protocol::endpoint(path));
    }
    void send(std::string_view bytes) { asio::write(*socket_, asio::buffer(bytes.data(), bytes.size())); }
    void read() { read_into(socket_, state_); }
    void half_close() { socket_->shutdown(Socket::shutdown_send); }
    void close() { socket_->close(); }
    const std::string& text() const { return state_->text; }
    bool ended() const { return state_->ended; }

  private:
    struct State {
        std::string text;
        std::array<char, 4096> buffer{};
        bool ended = false;
    };
    static void read_into(const std::shared_ptr<Socket>& socket, const std::shared_ptr<State>& state) {
        socket->async_read_some(asio::buffer(state->buffer),
                                [socket, state](boost::system::error_code code, std::size_t size) {
                                    state->text.append(state->buffer.data(), size);
                                    state->ended = static_cast<bool>(code);
                                    if (!code) read_into(socket, state);
                                });
    }
    std::shared_ptr<Socket> socket_;
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

std::string docker_line(const std::string& action, int second, const std::string& name = "coach") {
    return R"({"status":")" + action + R"(","Type":"container","Action":")" + action +
           R"(","Actor":{"ID":"c1","Attributes":{"name":")" + name + R"("}},"scope":"local","timeNano":)" +
           std::to_string(second) + "000000000}";
}

class DockerApiTest : public testing::Test {
  protected:
    DockerApiTest() {
        engine_.on("GET", "/version", Reply::json(R"({"ApiVersion":"1.45","MinAPIVersion":"1.24"})"));
        options_.path = tree_.path("governor.sock");
        EXPECT_TRUE(test::run_task(io_, client_.negotiate()));
    }
    void start() {
        feed_.emplace(publisher_, DaemonName{"daemon-id", "host"}, limits_);
        DockerApi::Parts parts{client_,  *feed_,         past_, publisher_, [this] { return now_; },
                               "26.1.5", engine_timeout_};
        api_.emplace(std::move(parts));
        server_.emplace(io_.get_executor(), options_, no_api_, publisher_, nullptr, &*api_);
        ASSERT_TRUE(server_->open());
        asio::co_spawn(io_, server_->run(), asio::detached);
    }
    RawClient request(const std::string& head) {
        RawClient client(io_, options_.path);
        client.send(head + "\r\n\r\n");
        client.read();
        return client;
    }
    /// The whole answer.
    std::string ask(const std::string& head) {
        const RawClient client = request(head);
        EXPECT_TRUE(test::run_until(io_, [&] { return client.ended(); }));
        return client.text();
    }
    bool wait_for(const RawClient& client, std::string_view text) {
        return test::run_until(io_, [&] { return client.text().find(text) != std::string::npos; });
    }
    void happen(const std::string& type, const std::string& name = "coach") {
        publish::Record record;
        record.type = type;
        record.subject = publish::Subject{.id = "c1", .name = name};
        publisher_.publish(record);
    }
    void docker_says(const std::string& line) {
        const auto event = docker::parse_event(line);
        ASSERT_TRUE(event);
        feed_->on_engine_event(*event, line);
    }
    void at(int second) { now_ = WallTime(std::chrono::seconds(second)); }

    TempTree tree_;
    asio::io_context io_;
    test::FakeEngine engine_{io_};
    docker::Client client_{io_.get_executor(), engine_.socket_path()};
    WallTime now_{1000s};
    publish::Publisher publisher_{[this] { return now_; }, nullptr, {}};
    KeptEvents past_{publisher_};
    FeedLimits limits_;
    std::chrono::milliseconds engine_timeout_{5s};
    std::optional<DockerFeed> feed_;
    std::optional<DockerApi> api_;
    NoApi no_api_;
    ServerOptions options_;
    std::optional<Server> server_;
};

TEST_F(DockerApiTest, PingsAsTheEngineDoes) {
    start();
    const auto head = ask("HEAD /_ping HTTP/1.1\r\nHost: d");
    for (const char* const field : {"HTTP/1.1 200 OK\r\n", "\r\nApi-Version: 1.45\r\n",
                                    "\r\nOstype: linux\r\n", "\r\nDocker-Experimental: false\r\n",
                                    "\r\nServer: Docker/26.1.5 (linux)\r\n", "\r\nContent-Length: 0\r\n"})
        EXPECT_THAT(head, HasSubstr(field));
    EXPECT_THAT(head, EndsWith("\r\n\r\n"));
    EXPECT_THAT(ask("GET /v1.41/_ping HTTP/1.1\r\nHost: d"), EndsWith("\r\n\r\nOK"));
}

TEST_F(DockerApiTest, TellsItsVersionWithTheEnginesAndWithoutIt) {
    engine_.on("GET", "/v1.45/version",
               Reply::json(R"({"Version":"26.1.5","ApiVersion":"1.45","Components":[{"Name":"Engine"}]})"));
    start();
    const auto both = ask("GET /version HTTP/1.1\r\nHost: d");
    EXPECT_THAT(both, AllOf(HasSubstr("\"Name\":\"Engine\""), HasSubstr("\"Name\":\"Governor\""),
                            HasSubstr("\"ApiVersion\":\"1.45\"")));
    engine_.stop_listening();
    const auto alone = ask("GET /v1.45/version HTTP/1.1\r\nHost: d");
    EXPECT_THAT(alone, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\"Version\":\"26.1.5\""),
                             HasSubstr("\"ApiVersion\":\"1.45\""), HasSubstr("\"Name\":\"Governor\"")));
}

TEST_F(DockerApiTest, RefusesInDockersForm) {
    start();
    EXPECT_THAT(ask("GET /events?filters=garbage HTTP/1.1\r\nHost: d"),
                AllOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"),
                      EndsWith("\r\n\r\n{\"message\":\"invalid filter\"}\n")));
    EXPECT_THAT(ask("GET /v1.45/containers/json HTTP/1.1\r\nHost: d"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask("POST /events HTTP/1.1\r\nHost: d"), HasSubstr("\r\nAllow: GET\r\n"));
    EXPECT_THAT(ask("rubbish"), StartsWith("HTTP/1.1 400"));
}

TEST_F(DockerApiTest, TheGovernorsOwnPathsStayItsOwn) {
    start();
    EXPECT_THAT(ask("GET /v1/status HTTP/1.1\r\nHost: d"), HasSubstr("\"governor\":\"status\""));
}

TEST_F(DockerApiTest, StreamsBothAsChunksOfWholeLines) {
    start();
    const RawClient client = request("GET /v1.45/events HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(wait_for(client, "\r\n\r\n"));
    EXPECT_THAT(client.text(), AllOf(HasSubstr("\r\nTransfer-Encoding: chunked\r\n"),
                                     HasSubstr("\r\nContent-Type: application/json\r\n")));
    const std::string line = docker_line("die", 1);
    docker_says(line);
    happen("exited");
    ASSERT_TRUE(wait_for(client, "\"exited\""));
    std::ostringstream size;
    size << std::hex << line.size() + 1;
    EXPECT_THAT(client.text(), HasSubstr("\r\n" + size.str() + "\r\n" + line + "\n\r\n"));
    EXPECT_LT(client.text().find("\"die\""), client.text().find("\"exited\""));
    // A reader of the live stream alone costs the engine nothing.
    EXPECT_EQ(engine_.count("GET", "/v1.45/events"), 0U);
}

TEST_F(DockerApiTest, FiltersBoth) {
    start();
    const RawClient client =
        request("GET /events?filters=%7B%22event%22%3A%5B%22die%22%2C%22killed%22%5D%7D HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(wait_for(client, "\r\n\r\n"));
    docker_says(docker_line("start", 1));
    docker_says(docker_line("die", 2));
    happen("armed");
    happen("killed");
    ASSERT_TRUE(wait_for(client, "\"killed\""));
    EXPECT_THAT(client.text(),
                AllOf(HasSubstr("\"die\""), Not(HasSubstr("\"start\"")), Not(HasSubstr("armed"))));
}

TEST_F(DockerApiTest, ThePastIsMergedByTimeAndEndsAtUntil) {
    engine_.on("GET", "/v1.45/events",
               Reply::chunked(docker_line("start", 10) + "\n" + docker_line("die", 30) + "\n"));
    start();
    at(5);
    happen("too_early");
    at(20);
    happen("armed");
    at(40);
    happen("exited");
    at(1000);
    const auto answer = ask("GET /events?since=7&until=100 HTTP/1.1\r\nHost: d");
    EXPECT_EQ(engine_.requests().back().target, "/v1.45/events?until=100.000000000&since=7.000000000");
    std::size_t last = 0;
    for (const char* const action :
         {"\"Action\":\"start\"", "\"Action\":\"armed\"", "\"Action\":\"die\"", "\"Action\":\"exited\""}) {
        EXPECT_GT(answer.find(action), last) << action;
        last = answer.find(action);
    }
    EXPECT_THAT(answer, AllOf(Not(HasSubstr("too_early")), EndsWith("\r\n0\r\n\r\n")));
}

TEST_F(DockerApiTest, PastAndPresentMeetWithoutGapOrRepetition) {
    engine_.on("GET", "/v1.45/events", Reply::never());
    engine_timeout_ = 20ms;
    start();
    happen("past");
    const RawClient client = request("GET /events?since=1 HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(test::run_until(io_, [this] { return engine_.count("GET", "/v1.45/events") == 1; }));
    // While the engine is being asked: it waits in the live stream, and is past too when the past is read.
    happen("meanwhile");
    docker_says(docker_line("die", 999));
    ASSERT_TRUE(wait_for(client, "\"die\""));
    happen("later");
    ASSERT_TRUE(wait_for(client, "\"later\""));
    for (const char* const once : {"\"Action\":\"past\"", "\"Action\":\"meanwhile\"", "\"Action\":\"die\""}) {
        const auto first = client.text().find(once);
        EXPECT_NE(first, std::string::npos) << once;
        EXPECT_EQ(client.text().find(once, first + 1), std::string::npos) << once;
    }
}

TEST_F(DockerApiTest, WhatWasToldAsPastIsNotToldAgain) {
    const std::string line = docker_line("die", 999);
    engine_.on("GET", "/v1.45/events", Reply::chunked(line + "\n"));
    start();
    const RawClient client = request("GET /events?since=1 HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(wait_for(client, "\"die\""));
    docker_says(line);
    happen("later");
    ASSERT_TRUE(wait_for(client, "\"later\""));
    EXPECT_EQ(client.text().find(line), client.text().rfind(line));
}

TEST_F(DockerApiTest, WithoutDockerTheGovernorsOwnGoOn) {
    start();
    engine_.stop_listening();
    happen("past");
    const RawClient client = request("GET /events?since=1 HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(wait_for(client, "\"past\""));
    happen("docker_disconnected");
    ASSERT_TRUE(wait_for(client, "\"docker_disconnected\""));
    EXPECT_FALSE(client.ended());
}

TEST_F(DockerApiTest, AStreamEndsProperlyWhenItsTimeIsOver) {
    engine_.on("GET", "/v1.45/events", Reply::chunked(""));
    start();
    const RawClient client = request("GET /events?until=1000.005 HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(wait_for(client, "\r\n\r\n"));
    happen("in_time");
    ASSERT_TRUE(wait_for(client, "in_time"));
    at(1001);
    happen("too_late");
    ASSERT_TRUE(test::run_until(io_, [&] { return client.ended(); }));
    EXPECT_THAT(client.text(), AllOf(EndsWith("0\r\n\r\n"), Not(HasSubstr("too_late"))));
}

TEST_F(DockerApiTest, AClientOfHttp10GetsBareLines) {
    engine_.on("GET", "/v1.45/events", Reply::chunked(docker_line("die", 30) + "\n"));
    start();
    const auto answer = ask("GET /events?until=100 HTTP/1.0");
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.0 200 OK\r\n"), Not(HasSubstr("chunked")),
                              EndsWith("\r\n\r\n" + docker_line("die", 30) + "\n")));
}

TEST_F(DockerApiTest, AClientThatHalfClosesGetsThePastAndIsDone) {
    engine_.on("GET", "/v1.45/events", Reply::chunked(docker_line("die", 30) + "\n"));
    start();
    RawClient client(io_, options_.path);
    client.send("GET /events?since=1 HTTP/1.1\r\nHost: d\r\n\r\n");
    client.half_close();
    client.read();
    ASSERT_TRUE(test::run_until(io_, [&] { return client.ended(); }));
    EXPECT_THAT(client.text(), AllOf(HasSubstr("\"die\""), EndsWith("\r\n0\r\n\r\n")));
    EXPECT_TRUE(test::run_until(io_, [this] { return server_->connections() == 0; }));
}

TEST_F(DockerApiTest, AClientThatLeavesGivesItsPlaceBack) {
    start();
    RawClient client = request("GET /events HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(wait_for(client, "\r\n\r\n"));
    client.close();
    EXPECT_TRUE(test::run_until(io_, [this] { return server_->connections() == 0; }));
    for (const auto& published : publisher_.recent({}))
        EXPECT_NE(published->record.type, "events_client_dropped");
}

TEST_F(DockerApiTest, AClientThatNeverReadsIsDroppedWithAnEventAndTheOthersGoOn) {
    limits_.events = 50;
    start();
    RawClient deaf(io_, options_.path);
    deaf.send("GET /events HTTP/1.1\r\nHost: d\r\n\r\n");
    const RawClient other = request("GET /events HTTP/1.1\r\nHost: d");
    ASSERT_TRUE(wait_for(other, "\r\n\r\n"));
    ASSERT_TRUE(test::run_until(io_, [this] { return server_->connections() == 2; }));
    // Socket buffers take some hundreds of kilobytes before anybody can see that nobody reads.
    const std::string name(10'000, 'x');
    int sent = 0;
    while (server_->connections() == 2 && sent < 1000) {
        ++sent;
        const std::string action = "n" + std::to_string(sent);
        docker_says(docker_line(action, sent, name));
        ASSERT_TRUE(wait_for(other, "\"" + action + "\""));
    }
    EXPECT_EQ(server_->connections(), 1U);
    ASSERT_TRUE(wait_for(other, "events_client_dropped"));
    EXPECT_THAT(other.text(), HasSubstr("The reader with pid " + std::to_string(::getpid())));
    EXPECT_THAT(other.text(), HasSubstr("more than 50 events"));
}

TEST_F(DockerApiTest, AWriteThatTakesTooLongDropsTheClientToo) {
    options_.write_timeout = 1ms;
    start();
    RawClient deaf(io_, options_.path);
    deaf.send("GET /events HTTP/1.1\r\nHost: d\r\n\r\n");
    ASSERT_TRUE(test::run_until(io_, [this] { return server_->connections() == 1; }));
    io_.restart();
    io_.poll();
    for (int i = 1; i <= 200; ++i) docker_says(docker_line("die", i, std::string(10'000, 'x')));
    ASSERT_TRUE(test::run_until(io_, [this] { return server_->connections() == 0; }));
    ASSERT_EQ(publisher_.recent({}).size(), 1U);
    EXPECT_THAT(publisher_.recent({}).front()->json,
                AllOf(HasSubstr("events_client_dropped"), HasSubstr("read nothing for 1 ms")));
}

}  // namespace
}  // namespace governor::http
