// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/control_socket.hpp"

#include "tests/support/tree.hpp"

#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

namespace governor::http {
namespace {

using testing::HasSubstr;

TEST(ControlSocket, MakesItsFolderAndKeepsStrangersOut) {
    const TempTree tree;
    const auto path = tree.path("run/governor/governor.sock");
    {
        const auto socket = ControlSocket::listen(path);
        ASSERT_TRUE(socket) << socket.error();
        struct stat info {};
        ASSERT_EQ(::stat(path.c_str(), &info), 0);
        EXPECT_TRUE(S_ISSOCK(info.st_mode));
        EXPECT_EQ(info.st_mode & 07777U, 0660U);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ControlSocket, ReplacesTheFileOfADeadGovernor) {
    const TempTree tree;
    const auto path = tree.path("governor.sock");
    {
        boost::asio::io_context io;
        // Leaves its file, as a killed process does.
        boost::asio::local::stream_protocol::acceptor dead(
            io, boost::asio::local::stream_protocol::endpoint(path));
    }
    ASSERT_TRUE(std::filesystem::exists(path));
    const auto next = ControlSocket::listen(path);
    EXPECT_TRUE(next) << next.error();
}

TEST(ControlSocket, LeavesAnothersFileInItsPlace) {
    const TempTree tree;
    const auto path = tree.path("governor.sock");
    std::optional<ControlSocket> first;
    first.emplace(ControlSocket::listen(path).value());
    std::filesystem::remove(path);
    const auto second = ControlSocket::listen(path);
    ASSERT_TRUE(second) << second.error();
    first.reset();
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(ControlSocket, NeverTakesALivingGovernorsPlace) {
    const TempTree tree;
    const auto path = tree.path("governor.sock");
    const auto living = ControlSocket::listen(path);
    ASSERT_TRUE(living);
    const auto second = ControlSocket::listen(path);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error(), HasSubstr("another governor answers there"));
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(ControlSocket, DoesNotDeleteWhatIsNoSocket) {
    const TempTree tree;
    tree.file("governor.sock", "precious");
    const auto socket = ControlSocket::listen(tree.path("governor.sock"));
    ASSERT_FALSE(socket);
    EXPECT_THAT(socket.error(), HasSubstr("not a socket"));
    EXPECT_EQ(tree.text("governor.sock"), "precious");
}

TEST(ControlSocket, SaysWhenThePathIsTooLongOrItsFolderIsAFile) {
    const TempTree tree;
    tree.file("file", "");
    EXPECT_THAT(ControlSocket::listen(tree.path(std::string(200, 'x'))).error(), HasSubstr("107 bytes"));
    EXPECT_THAT(ControlSocket::listen("").error(), HasSubstr("107 bytes"));
    EXPECT_THAT(ControlSocket::listen(tree.path("file/governor.sock")).error(), HasSubstr("folder"));
}

}  // namespace
}  // namespace governor::http
