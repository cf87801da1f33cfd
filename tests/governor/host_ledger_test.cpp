// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/host_ledger.hpp"

#include "tests/support/kernel_texts.hpp"
#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

namespace governor {
namespace {

using namespace policies;

Policy reserving(Bytes min) {
    Policy policy;
    policy.host.keep_free = Size{.bytes = 512_MiB, .share = std::nullopt};
    auto& database = policy.services.emplace_back();
    database.name = "database";
    database.reserve.emplace().min = Size{.bytes = min, .share = std::nullopt};
    return policy;
}

TEST(HostLedger, ReadsTheHostsMemory) {
    const TempTree tree;
    tree.file("meminfo", kernel_texts::kMeminfo);
    const auto memory = read_host_memory(tree.path());
    ASSERT_TRUE(memory);
    EXPECT_EQ(*memory, Bytes{8137456ULL * 1024});
}

TEST(HostLedger, SaysWhichFileItCouldNotRead) {
    const TempTree tree;
    const auto missing = read_host_memory(tree.path());
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message().find(tree.path("meminfo")), std::string::npos);
    tree.file("meminfo", "MemFree: 12 kB\n");
    EXPECT_FALSE(read_host_memory(tree.path()));
}

TEST(HostLedger, RefusesWhatTheHostCannotKeep) {
    EXPECT_EQ(refuse_by_ledger(reserving(7_GiB), 8_GiB), "");
    const auto refusal = refuse_by_ledger(reserving(8_GiB), 8_GiB);
    EXPECT_NE(refusal.find("database 8GiB"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("governor check --host"), std::string::npos);
}

TEST(HostLedger, OverCommittedHardLimitsAreNoReasonToRefuse) {
    auto policy = reserving(1_GiB);
    policy.services[0].memory.hard = Size{.bytes = 64_GiB, .share = std::nullopt};
    EXPECT_EQ(refuse_by_ledger(policy, 8_GiB), "");
}

TEST(HostLedger, AnUnknownHostRefusesNothing) {
    EXPECT_EQ(refuse_by_ledger(reserving(8_GiB), Bytes{}), "");
}

}  // namespace
}  // namespace governor
