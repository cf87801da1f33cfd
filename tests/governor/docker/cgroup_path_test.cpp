// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/cgroup_path.hpp"

#include <gtest/gtest.h>

namespace governor::docker {
namespace {

TEST(ExpandSlice, NestsAtEveryDash) {
    EXPECT_EQ(expand_slice("a.slice"), "/a.slice");
    EXPECT_EQ(expand_slice("a-b.slice"), "/a.slice/a-b.slice");
    EXPECT_EQ(expand_slice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
    EXPECT_EQ(expand_slice("-.slice"), "/");
}

TEST(ExpandSlice, RefusesWhatSystemdRefuses) {
    for (const char* name :
         {"", ".slice", "a", "/a.slice", "a/b.slice", "-a.slice", "a-.slice", "a--b.slice"}) {
        EXPECT_FALSE(expand_slice(name)) << name;
    }
}

TEST(ContainerCgroup, WithTheSystemdDriver) {
    EXPECT_EQ(container_cgroup("systemd", "", "4f2a"), "/system.slice/docker-4f2a.scope");
    EXPECT_EQ(container_cgroup("systemd", "a-b.slice", "4f2a"), "/a.slice/a-b.slice/docker-4f2a.scope");
    EXPECT_EQ(container_cgroup("systemd", "-.slice", "4f2a"), "/docker-4f2a.scope");
    EXPECT_FALSE(container_cgroup("systemd", "/docker", "4f2a"));
}

TEST(ContainerCgroup, WithTheCgroupfsDriver) {
    EXPECT_EQ(container_cgroup("cgroupfs", "", "4f2a"), "/docker/4f2a");
    EXPECT_EQ(container_cgroup("cgroupfs", "stack", "4f2a"), "/stack/4f2a");
    EXPECT_EQ(container_cgroup("cgroupfs", "/stack/db/", "4f2a"), "/stack/db/4f2a");
    EXPECT_EQ(container_cgroup("cgroupfs", "../../etc", "4f2a"), "/etc/4f2a");
}

TEST(ContainerCgroup, UnknownDriversAndOddIdsAreNothing) {
    EXPECT_FALSE(container_cgroup("none", "", "4f2a"));
    EXPECT_FALSE(container_cgroup("systemd", "", ""));
    EXPECT_FALSE(container_cgroup("cgroupfs", "", "../x"));
    EXPECT_FALSE(container_cgroup("cgroupfs", "", ".."));
}

TEST(ParseProcCgroup, TakesTheUnifiedLine) {
    EXPECT_EQ(parse_proc_cgroup("0::/system.slice/docker-4f2a.scope\n"), "/system.slice/docker-4f2a.scope");
    EXPECT_EQ(parse_proc_cgroup("12:memory:/a\n1:name=systemd:/b\n0::/c"), "/c");
    EXPECT_EQ(parse_proc_cgroup("0::/\n"), "/");
    EXPECT_EQ(parse_proc_cgroup("0::/../other\n"), "/../other");
}

TEST(ParseProcCgroup, GoneOrAbsentIsNothing) {
    EXPECT_FALSE(parse_proc_cgroup("0::/system.slice/docker-4f2a.scope (deleted)\n"));
    EXPECT_FALSE(parse_proc_cgroup("12:memory:/a\n"));
    EXPECT_FALSE(parse_proc_cgroup(""));
    EXPECT_FALSE(parse_proc_cgroup("0::\n"));
}

}  // namespace
}  // namespace governor::docker
