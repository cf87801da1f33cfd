// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/identity.hpp"

#include <gtest/gtest.h>

#include <string>

namespace governor::docker {
namespace {

const std::string kId(64, 'a');
const std::string kOther = std::string(63, 'b') + "7";

TEST(ContainerIdFromCgroup, OfBothDrivers) {
    EXPECT_EQ(container_id_from_cgroup("0::/system.slice/docker-" + kId + ".scope\n"), kId);
    EXPECT_EQ(container_id_from_cgroup("0::/docker/" + kId + "\n"), kId);
    EXPECT_EQ(container_id_from_cgroup("0::/docker/" + kId + "/hold\n"), kId);
    EXPECT_EQ(container_id_from_cgroup("0::/docker/" + kOther + "/docker/" + kId), kId);
}

TEST(ContainerIdFromCgroup, NotOnTheHostNorInAPrivateNamespace) {
    EXPECT_FALSE(container_id_from_cgroup("0::/\n"));
    EXPECT_FALSE(container_id_from_cgroup("0::/user.slice/user-1000.slice/session-2.scope\n"));
    EXPECT_FALSE(container_id_from_cgroup("0::/docker/" + kId + "0\n"));
    EXPECT_FALSE(container_id_from_cgroup("0::/docker/" + std::string(64, 'A')));
    EXPECT_FALSE(container_id_from_cgroup(""));
}

TEST(ContainerIdFromMountinfo, TakesOnlyTheEnginesOwnFiles) {
    const std::string layers = "620 560 0:50 / / rw - overlay overlay rw,upperdir=/l/" + kOther + "/diff\n";
    const std::string volume =
        "630 620 8:1 /var/lib/docker/containers/" + kOther + " /watched rw - ext4 /dev/vda1\n";
    const std::string hostname =
        "640 620 8:1 /var/lib/docker/containers/" + kId + "/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n";
    EXPECT_EQ(container_id_from_mountinfo(layers + volume + hostname), kId);
    EXPECT_FALSE(container_id_from_mountinfo(layers + volume));
    EXPECT_FALSE(container_id_from_mountinfo("short line\n\n"));
}

TEST(OwnContainerId, PrefersTheCgroup) {
    const std::string mounts = "1 2 8:1 /c/" + kOther + "/hosts /etc/hosts rw\n";
    EXPECT_EQ(own_container_id("0::/docker/" + kId, mounts), kId);
    EXPECT_EQ(own_container_id("0::/\n", mounts), kOther);
    EXPECT_FALSE(own_container_id("0::/\n", ""));
}

}  // namespace
}  // namespace governor::docker
