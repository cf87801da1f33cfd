// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/listener.hpp"

#include "tests/support/run_task.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace governor::metrics {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Tcp = asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

class ListenerTest : public testing::Test {
  protected:
    void start(const char* address = "127.0.0.1") {
        options_.address = Tcp::endpoint(asio::ip::make_address(address), 0);
        listener_.emplace(io_.get_executor(), options_, [this] {
            ++asked_;
            return text_;
        });
        ASSERT_TRUE(listener_->open());
    }
    Tcp::socket connect() {
        Tcp::socket socket(io_);
        socket.connect(listener_->address());
        return socket;
    }
    /// Sends bytes and reads to the end, on the same loop.
    std::string ask(const std::string& request) {
        Tcp::socket socket = connect();
        std::string answer;
        bool done = false;
        asio::write(socket, asio::buffer(request));
        asio::async_read(socket, asio::dynamic_buffer(answer),
                         [&](boost::system::error_code, std::size_t) { done = true; });
        EXPECT_TRUE(test::run_until(io_, [&] { return done; }));
        return answer;
    }

    asio::io_context io_;
    ListenerOptions options_;
    SharedText text_ = std::make_shared<const std::string>("governor_host_short 0\n");
    std::optional<Listener> listener_;
    int asked_ = 0;
};

TEST_F(ListenerTest, ServesTheText) {
    start();
    const std::string answer = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 22\r\n"));
    EXPECT_THAT(answer, testing::EndsWith("\r\n\r\ngovernor_host_short 0\n"));
    EXPECT_THAT(ask("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ListenerTest, ServesOverIpv6) {
    start("::1");
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ListenerTest, NothingElseIsServed) {
    start();
    EXPECT_THAT(ask("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask("POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
                StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
                StartsWith("HTTP/1.1 405"));
    EXPECT_EQ(asked_, 0);
}

TEST_F(ListenerTest, WhatIsNotHttpIsCutOff) {
    start();
    EXPECT_EQ(ask("\x16\x03\x01 hello\r\n\r\n"), "");
    EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nX: " + std::string(10'000, 'x')), "");
    EXPECT_TRUE(test::run_until(io_, [&] { return listener_->connections() == 0; }));
}

TEST_F(ListenerTest, WhoSaysNothingIsCutOff) {
    options_.read_timeout = 1ms;
    start();
    EXPECT_EQ(ask(""), "");
}

TEST_F(ListenerTest, WhoReadsNothingIsCutOffAndNobodyWaitsForIt) {
    options_.write_timeout = 20ms;
    // More than the kernel's buffers take.
    text_ = std::make_shared<const std::string>(64UL << 20U, 'x');
    start();
    Tcp::socket deaf = connect();
    asio::write(deaf, asio::buffer(std::string("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")));
    ASSERT_TRUE(test::run_until(io_, [&] { return asked_ == 1; }));
    EXPECT_THAT(ask("GET /other HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404"));
    EXPECT_TRUE(test::run_until(io_, [&] { return listener_->connections() == 0; }));
    EXPECT_EQ(text_.use_count(), 1) << "its text is not kept";
}

TEST_F(ListenerTest, TooManyAreClosedAtOnce) {
    options_.max_connections = 2;
    start();
    Tcp::socket first = connect();
    Tcp::socket second = connect();
    ASSERT_TRUE(test::run_until(io_, [&] { return listener_->connections() == 2; }));
    EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "");
    first.close();
    ASSERT_TRUE(test::run_until(io_, [&] { return listener_->connections() == 1; }));
    EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ListenerTest, ATakenPortIsAnErrorThatSaysWhatToDo) {
    start();
    ListenerOptions same;
    same.address = listener_->address();
    Listener second(io_.get_executor(), same, [] { return SharedText(); });
    const auto opened = second.open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error(), HasSubstr("127.0.0.1 port"));
    EXPECT_THAT(opened.error(), HasSubstr("--metrics-listen"));
}

TEST_F(ListenerTest, EndsWithTheObject) {
    start();
    Tcp::socket idle = connect();
    ASSERT_TRUE(test::run_until(io_, [&] { return listener_->connections() == 1; }));
    std::string answer;
    bool cut_off = false;
    asio::async_read(idle, asio::dynamic_buffer(answer),
                     [&](boost::system::error_code, std::size_t) { cut_off = true; });
    const Tcp::endpoint address = listener_->address();
    listener_.reset();
    EXPECT_TRUE(test::run_until(io_, [&] { return cut_off; }));
    Tcp::socket late(io_);
    boost::system::error_code code;
    late.connect(address, code);
    EXPECT_TRUE(code) << "nobody listens there any more";
}

}  // namespace
}  // namespace governor::metrics
