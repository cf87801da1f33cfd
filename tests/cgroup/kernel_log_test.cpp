// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/kernel_log.hpp"

#include "cgroup/kmsg.hpp"
#include "tests/support/tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <string>

namespace cgroups {
namespace {

TEST(kernel_log, gives_what_is_there_and_does_not_wait) {
    const TempTree tree;
    const std::string path = tree.path("kmsg");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    auto log = KernelLog::open(path);
    ASSERT_TRUE(log);
    const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(log->next().value(), "") << "nothing was written yet";
    const std::string record = "6,1,2,-;text\n";
    ASSERT_EQ(::write(writer.get(), record.data(), record.size()), static_cast<ssize_t>(record.size()));
    EXPECT_EQ(log->next().value(), record);
    EXPECT_EQ(log->next().value(), "");
    EXPECT_EQ(log->lost(), 0U);
}

TEST(kernel_log, says_what_it_could_not_open) {
    const auto log = KernelLog::open("/nonexistent/kmsg");
    ASSERT_FALSE(log);
    EXPECT_NE(log.error().message().find("/nonexistent/kmsg"), std::string::npos);
}

TEST(kernel_log, reads_the_machines_own) {
    auto log = KernelLog::open(KernelLog::kPath);
    if (!log) GTEST_SKIP() << log.error().message();
    const auto record = log->next();
    if (!record) GTEST_SKIP() << record.error().message();
    if (record->empty()) GTEST_SKIP() << "the kernel's log is empty";
    EXPECT_TRUE(parse_kmsg_record(*record)) << *record;
}

}  // namespace
}  // namespace cgroups
