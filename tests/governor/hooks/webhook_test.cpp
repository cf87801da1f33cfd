// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/webhook.hpp"

#include "governor/hooks/curl.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace governor::hooks {
namespace {

using namespace std::chrono_literals;

/// Answers one connection with the same bytes, whatever it is asked.
class OneAnswer {
  public:
    OneAnswer(std::string path, std::string answer, bool endless = false)
        : answer_(std::move(answer)), endless_(endless), listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        ::listen(listener_, 1);
        thread_ = std::thread([this] { serve(); });
    }
    ~OneAnswer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    OneAnswer(const OneAnswer&) = delete;
    OneAnswer& operator=(const OneAnswer&) = delete;

    std::string request;  ///< to be read after the delivery

  private:
    void serve() {
        const int peer = ::accept(listener_, nullptr, nullptr);
        if (peer < 0) return;
        char bytes[4096];
        while (request.find("the body") == std::string::npos) {
            const ssize_t count = ::read(peer, bytes, sizeof bytes);
            if (count <= 0) break;
            request.append(bytes, static_cast<std::size_t>(count));
        }
        ::send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        const std::string more(1000, 'x');
        while (endless_ && ::send(peer, more.data(), more.size(), MSG_NOSIGNAL) > 0) {
        }
        ::close(peer);
    }

    std::string answer_;
    bool endless_;
    int listener_;
    std::thread thread_;
};

class WebhookTest : public testing::Test {
  protected:
    WebhookTest() {
        std::string name = "/tmp/hook-XXXXXX";
        folder = ::mkdtemp(name.data());
        webhook.url.text = "http://alerts.example/T0KEN/path";
        webhook.timeout = 20s;
    }
    ~WebhookTest() override { std::filesystem::remove_all(folder); }

    Outcome deliver() {
        WebhookTransport transport(webhook, folder + "/socket");
        return transport.deliver({{7, {}, "oom_killed", {}, {}, {}, "{}"}, "the body", "text/plain"}, stop);
    }
    Outcome answered(const std::string& answer, bool endless = false) {
        std::filesystem::remove(folder + "/socket");
        OneAnswer server(folder + "/socket", answer, endless);
        Outcome outcome = deliver();
        request = server.request;
        return outcome;
    }
    std::string secret_file(const std::string& text) {
        std::ofstream(folder + "/secret") << text;
        return folder + "/secret";
    }

    std::string folder;
    policies::Webhook webhook;
    std::atomic<bool> stop{false};
    std::string request;
};

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(WebhookTest, PostsBodyTypeAndWhatTheEventIs) {
    const Outcome outcome = answered(kOk);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kDelivered) << outcome.error;
    for (const char* part :
         {"POST /T0KEN/path HTTP/1.1\r\n", "Content-Type: text/plain\r\n", "Host: alerts.example\r\n",
          "X-Governor-Event: oom_killed\r\n", "X-Governor-Delivery: 7\r\n", "\r\n\r\nthe body"})
        EXPECT_NE(request.find(part), std::string::npos) << part << "\n" << request;
}

TEST_F(WebhookTest, HeadersAndUrlMayComeFromFiles) {
    webhook.url = {{}, secret_file("http://alerts.example/from-file\n")};
    webhook.headers = {{"Authorization", {"Bearer abc", {}}}};
    answered(kOk);
    EXPECT_NE(request.find("POST /from-file "), std::string::npos) << request;
    EXPECT_NE(request.find("Authorization: Bearer abc\r\n"), std::string::npos) << request;
}

TEST_F(WebhookTest, TheBodyIsSigned) {
    webhook.hmac = policies::HookSignature{.secret = {"key", {}}};
    answered(kOk);
    // printf 'the body' | openssl dgst -sha256 -hmac key
    const auto sum = hmac_sha256("key", "the body");
    ASSERT_TRUE(sum) << sum.error();
    EXPECT_NE(request.find("X-Governor-Signature: sha256=" + *sum + "\r\n"), std::string::npos) << request;
}

TEST(HmacSha256, IsThatOfRfc4231) {
    const auto sum = hmac_sha256("Jefe", "what do ya want for nothing?");
    ASSERT_TRUE(sum) << sum.error();
    EXPECT_EQ(*sum, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_F(WebhookTest, EveryOtherStatusIsAFailureThatNamesNoSecret) {
    const Outcome outcome = answered("HTTP/1.1 500 T0KEN\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
    EXPECT_EQ(outcome.error, "http://alerts.example answered 500");
    EXPECT_EQ(answered("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n").kind, Outcome::Kind::kFailed);
    EXPECT_EQ(answered("HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n").kind, Outcome::Kind::kRefused);
    const Outcome busy = answered("HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(busy.retry_after);
    EXPECT_EQ(*busy.retry_after, 17s);
}

TEST_F(WebhookTest, ARedirectIsNotFollowed) {
    const Outcome outcome = answered(
        "HTTP/1.1 302 Found\r\nLocation: http://alerts.example/T0KEN/path\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
    EXPECT_NE(outcome.error.find("a redirect, which is not followed"), std::string::npos) << outcome.error;
}

TEST_F(WebhookTest, AnEndlessBodyIsNotRead) {
    EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n\r\n", true).kind, Outcome::Kind::kDelivered);
    EXPECT_EQ(answered("HTTP/1.1 500 No\r\n\r\n", true).kind, Outcome::Kind::kFailed);
}

TEST_F(WebhookTest, AnEndlessHeadIsCut) {
    EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nX-Long: ", true).kind, Outcome::Kind::kFailed);
}

TEST_F(WebhookTest, OneThatClosesHalfWayIsAFailure) {
    EXPECT_EQ(answered("HTTP/1.1 20").kind, Outcome::Kind::kFailed);
    EXPECT_EQ(answered("").kind, Outcome::Kind::kFailed);
}

TEST_F(WebhookTest, NobodyThereIsAFailure) {
    const Outcome outcome = deliver();
    EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
    EXPECT_EQ(outcome.error.find("T0KEN"), std::string::npos) << outcome.error;
    EXPECT_NE(outcome.error.find("http://alerts.example cannot be told"), std::string::npos) << outcome.error;
}

TEST_F(WebhookTest, ASecretThatIsMissingOrStrangeIsSaidWithoutIt) {
    webhook.headers = {{"Authorization", {{}, folder + "/none"}}};
    EXPECT_NE(deliver().error.find("/none cannot be read"), std::string::npos);
    webhook.headers = {{"Authorization", {{}, secret_file("one\r\nX-Evil: two")}}};
    const Outcome outcome = deliver();
    EXPECT_NE(outcome.error.find("more than one line"), std::string::npos) << outcome.error;
    EXPECT_EQ(outcome.error.find("Evil"), std::string::npos) << outcome.error;
}

TEST(ShownUrl, IsWithoutWhatMayBeSecret) {
    EXPECT_EQ(shown_url("https://a.example:8443/T/x?y"), "https://a.example:8443");
    EXPECT_EQ(shown_url("https://a.example?T"), "https://a.example");
    EXPECT_EQ(shown_url("T0KEN"), "its URL");
}

}  // namespace
}  // namespace governor::hooks
