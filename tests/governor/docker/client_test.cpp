// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/client.hpp"

#include "tests/support/fake_engine.hpp"
#include "tests/support/run_task.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <gtest/gtest.h>

#include <string>

namespace governor::docker {
namespace {

using test::FakeEngine;
using test::Reply;
using test::run_task;
using Kind = Error::Kind;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kTiny{30};

class ClientTest : public testing::Test {
  protected:
    /// The kind of error that `inspect` ends with when the engine answers so; nothing when it succeeds.
    std::optional<Kind> inspect_error(Reply reply, Timeout timeout = std::nullopt) {
        engine_.forget("GET", "/containers/x/json");
        engine_.on("GET", "/containers/x/json", std::move(reply));
        auto details = run_task(io_, client_.inspect("x", timeout));
        if (details) return std::nullopt;
        last_ = details.error();
        return last_.kind;
    }

    boost::asio::io_context io_;
    FakeEngine engine_{io_};
    Client client_{io_.get_executor(), engine_.socket_path(), ClientOptions{10s, 1000}};
    Error last_;
};

TEST_F(ClientTest, UsesTheVersionThatWasAgreedOn) {
    engine_.on("GET", "/version",
               Reply::json(R"({"Version":"26.1.5","ApiVersion":"1.45","MinAPIVersion":"1.24"})"));
    engine_.on("GET", "/v1.45/_ping", Reply::json("OK"));
    const auto version = run_task(io_, client_.negotiate());
    ASSERT_TRUE(version) << version.error().message;
    EXPECT_EQ(version->version, "26.1.5");
    EXPECT_EQ(client_.api_version(), "1.45");
    EXPECT_TRUE(run_task(io_, client_.ping()));
}

TEST_F(ClientTest, RefusesAnEngineWithoutACommonVersion) {
    engine_.on("GET", "/version", Reply::json(R"({"ApiVersion":"1.60","MinAPIVersion":"1.48"})"));
    const auto version = run_task(io_, client_.negotiate());
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().kind, Kind::kApiVersion);
    EXPECT_EQ(client_.api_version(), "");
}

TEST_F(ClientTest, ReadsAnswersHoweverTheyAreFramed) {
    const std::string body = R"({"Id":"abc","Name":"/db","State":{"Running":true,"Pid":7}})";
    for (const Reply& reply : {Reply::json(body), Reply::chunked(body), Reply::until_close(body)}) {
        engine_.forget("GET", "/containers/db/json");
        engine_.on("GET", "/containers/db/json", reply);
        const auto details = run_task(io_, client_.inspect("db"));
        ASSERT_TRUE(details) << details.error().message;
        EXPECT_EQ(details->name, "db");
        EXPECT_EQ(details->state.pid, 7);
    }
}

TEST_F(ClientTest, EscapesFiltersAndNames) {
    engine_.on("GET", "/containers/json", Reply::json("[]"));
    EXPECT_TRUE(run_task(io_, client_.list_containers(true, {"a=b&c"})));
    EXPECT_EQ(engine_.requests().back().target,
              "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%3Db%26c%22%5D%7D");
    EXPECT_TRUE(run_task(io_, client_.list_containers(false, {})));
    EXPECT_EQ(engine_.requests().back().target, "/containers/json?all=0");
    EXPECT_FALSE(run_task(io_, client_.inspect("a/../b c")));
    EXPECT_EQ(engine_.requests().back().target, "/containers/a%2F..%2Fb%20c/json");
}

TEST_F(ClientTest, MapsStatusesToKindsAndQuotesDocker) {
    EXPECT_EQ(inspect_error(Reply::json(R"({"message":"No such container: x"})", 404)), Kind::kNotFound);
    EXPECT_EQ(last_.http_status, 404);
    EXPECT_EQ(last_.message, "inspect container x: Docker answered 404: No such container: x");
    EXPECT_EQ(inspect_error(Reply::json(R"({"message":"is paused"})", 409)), Kind::kConflict);
    EXPECT_EQ(inspect_error(Reply::json(R"({"message":"oh"})", 500)), Kind::kHttp);
    EXPECT_EQ(inspect_error(Reply::json("<html>Bad gateway</html>", 502)), Kind::kHttp);
    EXPECT_NE(last_.message.find("Bad gateway"), std::string::npos);
    EXPECT_EQ(inspect_error(Reply::json("", 503)), Kind::kHttp);
    EXPECT_EQ(inspect_error(Reply::json(R"({"message":"client version 1.47 is too new"})", 400)),
              Kind::kApiVersion);
    EXPECT_EQ(inspect_error(Reply::json(R"({"message":"bad parameter"})", 400)), Kind::kHttp);
}

TEST_F(ClientTest, NoSocketAndNobodyListeningAreUnreachable) {
    Client lost(io_.get_executor(), engine_.socket_path() + ".missing");
    auto missing = run_task(io_, lost.ping());
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().kind, Kind::kUnreachable);
    EXPECT_NE(missing.error().message.find("start Docker, or mount its socket"), std::string::npos);

    engine_.stop_listening();
    const auto refused = run_task(io_, client_.ping());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, Kind::kUnreachable);
    EXPECT_NE(refused.error().message.find("nobody listens"), std::string::npos);

    Client too_long(io_.get_executor(), "/" + std::string(300, 'x'));
    const auto no_path = run_task(io_, too_long.ping());
    ASSERT_FALSE(no_path);
    EXPECT_EQ(no_path.error().kind, Kind::kUnreachable);
}

TEST_F(ClientTest, GivesUpOnAnEngineThatNeverAnswers) {
    EXPECT_EQ(inspect_error(Reply::never(), kTiny), Kind::kTimeout);
    EXPECT_EQ(inspect_error(Reply::raw("HTTP/1.1 200 OK\r\n"), kTiny), Kind::kUnreachable);
}

TEST_F(ClientTest, TheDeadlineIsOfTheWholeCall) {
    // Bytes keep coming, so a limit per read would never fire.
    engine_.on("POST", "/containers/x/exec", Reply::json(R"({"Id":"e1"})", 201));
    engine_.on("POST", "/exec/e1/start", Reply::endless());
    const auto result = run_task(io_, client_.exec("x", {"yes"}, kTiny));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Kind::kTimeout);
}

TEST_F(ClientTest, AnAnswerCutAnywhereIsAnError) {
    const std::string body = R"({"Id":"abc"})";
    const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + body;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(inspect_error(Reply::raw(whole.substr(0, size))), Kind::kUnreachable) << size;
    }
    EXPECT_EQ(inspect_error(Reply::raw(whole)), std::nullopt);
}

TEST_F(ClientTest, GarbageIsAProtocolError) {
    EXPECT_EQ(inspect_error(Reply::raw("SSH-2.0-OpenSSH_9.2\r\n\r\n")), Kind::kProtocol);
    EXPECT_EQ(inspect_error(Reply::raw(std::string(200'000, 'y'))), Kind::kProtocol);
    EXPECT_EQ(inspect_error(Reply::json("this is not JSON")), Kind::kProtocol);
    EXPECT_EQ(inspect_error(Reply::json("")), Kind::kProtocol);
    EXPECT_EQ(inspect_error(Reply::json(R"({"Id":5})")), Kind::kProtocol);
    EXPECT_EQ(last_.message,
              "inspect container x: read a container's details: Id should be a string and is number");
}

TEST_F(ClientTest, RefusesAnswersWithoutEnd) {
    EXPECT_EQ(inspect_error(Reply::endless()), Kind::kProtocol);
    EXPECT_EQ(inspect_error(Reply::json(std::string(1001, ' '))), Kind::kProtocol);
    EXPECT_NE(last_.message.find("longer than 1000 bytes"), std::string::npos);
}

TEST_F(ClientTest, RestartSaysWhenTheRequestIsOut) {
    engine_.on("POST", "/containers/x/restart", Reply::never());
    int sent = 0;
    const auto count_sent = [&sent] { ++sent; };
    auto result = run_task(io_, client_.restart("x", std::nullopt, kTiny, count_sent));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Kind::kTimeout);
    EXPECT_EQ(sent, 1);
    EXPECT_EQ(engine_.requests().back().target, "/containers/x/restart");

    engine_.stop_listening();
    result = run_task(io_, client_.restart("x", std::nullopt, kTiny, count_sent));
    EXPECT_FALSE(result);
    EXPECT_EQ(sent, 1);
}

TEST_F(ClientTest, RestartPassesTheGraceOnlyWhenGiven) {
    engine_.on("POST", "/containers/x/restart", Reply::json("", 204));
    EXPECT_TRUE(run_task(io_, client_.restart("x", 3s, 10s)));
    EXPECT_EQ(engine_.requests().back().target, "/containers/x/restart?t=3");
}

TEST_F(ClientTest, StartingWhatRunsIsGood) {
    engine_.on("POST", "/containers/x/start", Reply::json("", 304));
    EXPECT_TRUE(run_task(io_, client_.start("x")));
}

TEST_F(ClientTest, UpdatesBothLimitsAtOnce) {
    engine_.on("POST", "/containers/x/update", Reply::json(R"({"Warnings":["swap"]})"));
    const auto warnings = run_task(io_, client_.update_memory("x", 1048576, -1));
    ASSERT_TRUE(warnings);
    EXPECT_EQ(warnings->size(), 1U);
    EXPECT_EQ(engine_.requests().back().body, R"({"Memory":1048576,"MemorySwap":-1})");
}

TEST_F(ClientTest, ExecReturnsExitCodeAndOutput) {
    using namespace std::string_literals;
    engine_.on("POST", "/containers/x/exec", Reply::json(R"({"Id":"e1"})", 201));
    engine_.on("POST", "/exec/e1/start", Reply::until_close("\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\3err"s));
    engine_.on("GET", "/exec/e1/json", Reply::json(R"({"Running":true,"ExitCode":null})"));
    engine_.on("GET", "/exec/e1/json", Reply::json(R"({"Running":false,"ExitCode":3})"));
    const auto result = run_task(io_, client_.exec("x", {"sh", "-c", "exit 3"}, 10s));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->exit_code, 3);
    EXPECT_EQ(result->output, "outerr");
    EXPECT_FALSE(result->truncated);
    EXPECT_EQ(engine_.count("GET", "/exec/e1/json"), 2U);
    EXPECT_NE(engine_.requests().front().body.find(R"("Cmd":["sh","-c","exit 3"])"), std::string::npos);
}

TEST_F(ClientTest, ExecInAStoppedContainerIsAConflict) {
    engine_.on("POST", "/containers/x/exec", Reply::json(R"({"message":"container is not running"})", 409));
    const auto result = run_task(io_, client_.exec("x", {"true"}, 10s));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Kind::kConflict);
}

TEST_F(ClientTest, ACancelledCallIsAValueToo) {
    engine_.on("GET", "/_ping", Reply::never());
    boost::asio::cancellation_signal signal;
    std::optional<Result<void>> result;
    const auto done = [&result](const std::exception_ptr& thrown, Result<void> value) {
        EXPECT_FALSE(thrown);
        result = std::move(value);
    };
    boost::asio::co_spawn(io_, client_.ping(), boost::asio::bind_cancellation_slot(signal.slot(), done));
    ASSERT_TRUE(test::run_until(io_, [this] { return !engine_.requests().empty(); }));
    signal.emit(boost::asio::cancellation_type::terminal);
    ASSERT_TRUE(test::run_until(io_, [&result] { return result.has_value(); }));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().kind, Kind::kCancelled);
}

TEST_F(ClientTest, CallsRunSideBySide) {
    engine_.on("GET", "/_ping", Reply::never());
    engine_.on("GET", "/info", Reply::json(R"({"CgroupDriver":"systemd"})"));
    std::optional<Result<void>> slow;
    boost::asio::co_spawn(io_, client_.ping(kTiny), [&slow](const std::exception_ptr&, Result<void> value) {
        slow = std::move(value);
    });
    const auto info = run_task(io_, client_.info());
    ASSERT_TRUE(info);
    EXPECT_EQ(info->cgroup_driver, "systemd");
    ASSERT_TRUE(test::run_until(io_, [&slow] { return slow.has_value(); }));
    EXPECT_EQ(slow->error().kind, Kind::kTimeout);
}

TEST_F(ClientTest, LowLevelRequestsReturnEveryStatus) {
    const auto response = run_task(io_, client_.request("DELETE", "/nothing?force=1", ""));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 404);
    EXPECT_EQ(engine_.requests().back().method, "DELETE");
}

}  // namespace
}  // namespace governor::docker
