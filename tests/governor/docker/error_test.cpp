// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace governor::docker {
namespace {

constexpr const char* kSocket = "/var/run/docker.sock";

std::string message_of(boost::system::errc::errc_t code) {
    return transport_error(make_error_code(code), "ping Docker", kSocket).message;
}

TEST(TransportError, SaysWhatToDo) {
    EXPECT_EQ(
        message_of(boost::system::errc::permission_denied),
        "ping Docker: permission denied on /var/run/docker.sock; run as root or in the group that owns it "
        "(usually docker)");
    EXPECT_NE(message_of(boost::system::errc::no_such_file_or_directory).find("mount its socket"),
              std::string::npos);
    EXPECT_NE(message_of(boost::system::errc::connection_refused).find("is Docker running?"),
              std::string::npos);
    EXPECT_NE(message_of(boost::system::errc::not_connected).find("queue is full"), std::string::npos);
    EXPECT_NE(message_of(boost::system::errc::io_error).find(kSocket), std::string::npos);
}

TEST(StatusError, BoundsWhatOthersSay) {
    const Error error = status_error(500, std::string(100'000, 'x'), "ping Docker");
    EXPECT_LT(error.message.size(), 1000U);
    EXPECT_EQ(error.operation, "ping Docker");
    const Error odd = status_error(500, R"({"message":7})", "ping Docker");
    EXPECT_EQ(odd.kind, Error::Kind::kHttp);
}

TEST(ErrorKind, HasAStableWord) {
    EXPECT_EQ(to_string(Error::Kind::kNotFound), "not_found");
    EXPECT_EQ(to_string(Error::Kind::kApiVersion), "api_version");
}

}  // namespace
}  // namespace governor::docker
