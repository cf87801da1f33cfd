// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/drain_file.hpp"

#include "tests/support/tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include <filesystem>

namespace governor::act {
namespace {

namespace fs = std::filesystem;

/// A host with a container's root folder below it.
class DrainFileTest : public testing::Test {
  protected:
    DrainFileTest() {
        host.folder("root/run");
        host.folder("root/dev/shm");
        host.file("secret", "of the host");
        root = cgroups::UniqueFd(::open(host.path("root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    bool exists(std::string_view name) const { return fs::exists(fs::symlink_status(host.path(name))); }
    void link(const std::string& target, std::string_view name) const {
        fs::create_symlink(target, host.path(name));
    }

    TempTree host;
    cgroups::UniqueFd root;
};

TEST_F(DrainFileTest, IsMadeForAllToReadAndRemoved) {
    const auto before = ::umask(077);
    const auto made = create_drain_file(root, "/dev/shm/drain");
    ::umask(before);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(*made, DrainFile::kCreated);
    struct stat status {};
    ASSERT_EQ(::stat(host.path("root/dev/shm/drain").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0644U);

    const auto again = create_drain_file(root, "/dev/shm/drain");
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, DrainFile::kWasThere);

    const auto removed = remove_drain_file(root, "/dev/shm/drain");
    ASSERT_TRUE(removed) << removed.error().message();
    EXPECT_TRUE(*removed);
    EXPECT_FALSE(exists("root/dev/shm/drain"));
    const auto gone = remove_drain_file(root, "/dev/shm/drain");
    ASSERT_FALSE(gone);
    EXPECT_TRUE(gone.error().gone());
}

TEST_F(DrainFileTest, WorksInTheRootFolderItself) {
    ASSERT_TRUE(create_drain_file(root, "/drain"));
    EXPECT_TRUE(exists("root/drain"));
    EXPECT_TRUE(*remove_drain_file(root, "/drain"));
}

TEST_F(DrainFileTest, AnotherFileOfThatNameStays) {
    const std::string ours = [&] {
        EXPECT_TRUE(create_drain_file(root, "/run/ours"));
        return host.text("root/run/ours");
    }();
    for (const std::string& content : {std::string(), std::string("by an operator"), ours + "x",
                                       std::string(ours.size(), 'x'), std::string(1 << 20, 'x')}) {
        host.file("root/run/drain", content);
        const auto made = create_drain_file(root, "/run/drain");
        ASSERT_TRUE(made);
        EXPECT_EQ(*made, DrainFile::kWasThere);
        const auto removed = remove_drain_file(root, "/run/drain");
        ASSERT_TRUE(removed);
        EXPECT_FALSE(*removed);
        EXPECT_EQ(host.text("root/run/drain"), content);
    }
}

TEST_F(DrainFileTest, NoLinkOfTheContainerLeadsOut) {
    host.folder("outside");
    link(host.path("outside"), "root/absolute");
    link("../outside", "root/relative");
    link("../../../../../../../.." + host.path("outside"), "root/run/up");
    link("/proc/self/root" + host.path("outside"), "root/magic");
    for (const std::string path :
         {"/absolute/drain", "/relative/drain", "/run/up/drain", "/magic/drain", "/../outside/drain"})
        EXPECT_FALSE(create_drain_file(root, path)) << path;
    EXPECT_TRUE(fs::is_empty(host.path("outside")));
    // What another life left outside is not removed either.
    cgroups::UniqueFd outside(::open(host.path("outside").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(create_drain_file(outside, "/drain"));
    EXPECT_FALSE(remove_drain_file(root, "/relative/drain"));
    EXPECT_TRUE(exists("outside/drain"));
}

TEST_F(DrainFileTest, ALinkWithinTheContainerIsFollowed) {
    link("/run", "root/var");
    ASSERT_TRUE(create_drain_file(root, "/var/drain"));
    EXPECT_TRUE(exists("root/run/drain"));
    EXPECT_TRUE(*remove_drain_file(root, "/var/drain"));
}

TEST_F(DrainFileTest, ALinkInItsPlaceIsNotFollowed) {
    for (const std::string& target : {host.path("secret"), host.path("new"), std::string("/run/other")}) {
        fs::remove(host.path("root/run/drain"));
        link(target, "root/run/drain");
        const auto made = create_drain_file(root, "/run/drain");
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, std::errc::file_exists);
        EXPECT_FALSE(*remove_drain_file(root, "/run/drain"));
        EXPECT_TRUE(exists("root/run/drain"));
    }
    EXPECT_EQ(host.text("secret"), "of the host");
    EXPECT_FALSE(exists("new"));
    EXPECT_FALSE(exists("root/run/other"));
}

TEST_F(DrainFileTest, APipeOrAFolderInItsPlaceIsNotOpened) {
    ASSERT_EQ(::mkfifo(host.path("root/run/pipe").c_str(), 0644), 0);
    host.folder("root/run/folder");
    for (const std::string path : {"/run/pipe", "/run/folder"}) {
        const auto made = create_drain_file(root, path);
        ASSERT_FALSE(made) << path;
        EXPECT_EQ(made.error().code, std::errc::file_exists);
        EXPECT_FALSE(*remove_drain_file(root, path)) << path;
        EXPECT_TRUE(exists("root" + path)) << path;
    }
}

TEST_F(DrainFileTest, SaysWhatIsMissing) {
    const auto made = create_drain_file(root, "/nowhere/drain");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, std::errc::no_such_file_or_directory);
    EXPECT_NE(made.error().message().find("/nowhere"), std::string::npos);
    for (const std::string path : {"", "drain", "/run/"}) EXPECT_FALSE(create_drain_file(root, path)) << path;
}

}  // namespace
}  // namespace governor::act
