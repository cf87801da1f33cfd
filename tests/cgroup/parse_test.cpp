// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/parse.hpp"

#include "tests/support/kernel_texts.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace cgroups {
namespace {

TEST(parse_bytes, reads_a_number_and_max) {
    EXPECT_EQ(parse_bytes("2147483648\n"), Bytes{2147483648});
    EXPECT_EQ(parse_bytes("0\n"), Bytes{0});
    EXPECT_EQ(parse_bytes("max\n"), kMax);
    EXPECT_EQ(parse_bytes("18446744073709551615"), kMax);
}

TEST(parse_bytes, is_absent_for_what_is_no_number) {
    for (const char* text : {"", "\n", "-1\n", "12 34\n", "0x10", "12k", "maximum", "18446744073709551616"})
        EXPECT_EQ(parse_bytes(text), std::nullopt) << '"' << text << '"';
}

TEST(parse_memory_events, reads_each_counter_by_its_own_name) {
    const auto events = parse_memory_events(kernel_texts::kMemoryEvents);
    ASSERT_TRUE(events);
    EXPECT_EQ(*events, (MemoryEvents{
                           .low = 0, .high = 1482, .max = 37, .oom = 2, .oom_kill = 1, .oom_group_kill = 0}));
}

TEST(parse_memory_events, reads_an_older_kernel_without_group_kills) {
    const auto events = parse_memory_events(kernel_texts::kMemoryEvents510);
    ASSERT_TRUE(events);
    EXPECT_EQ(events->high, 7U);
    EXPECT_EQ(events->oom_kill, 1U);
    EXPECT_EQ(events->oom_group_kill, 0U);
}

TEST(parse_memory_events, passes_over_keys_of_newer_kernels) {
    const auto events = parse_memory_events("low 1\nhigh 2\nsock_throttled 9\nmax 3\n");
    ASSERT_TRUE(events);
    EXPECT_EQ(events->max, 3U);
}

TEST(parse_memory_events, is_absent_for_text_that_is_something_else) {
    // All zeros would look like a container that never came near its limit.
    for (const char* text :
         {"", "hello world\n", "high\n", "high many\n", "high 1\noom_kill -3\n", " 5\n", "\n\n"})
        EXPECT_FALSE(parse_memory_events(text)) << '"' << text << '"';
}

TEST(parse_memory_stat, reads_what_decisions_need) {
    const auto stat = parse_memory_stat(kernel_texts::kMemoryStat);
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->anon, Bytes{1610612736});
    EXPECT_EQ(stat->file, Bytes{268435456});
    EXPECT_EQ(stat->shmem, Bytes{4194304});
    EXPECT_EQ(stat->kernel, Bytes{12582912});
    EXPECT_EQ(stat->sock, Bytes{8192});
    EXPECT_EQ(stat->slab_reclaimable, Bytes{5242880});
    EXPECT_EQ(stat->unevictable, Bytes{0});
    EXPECT_EQ(stat->inactive_anon, Bytes{1606418432});
    EXPECT_EQ(stat->active_anon, Bytes{8388608});
}

TEST(parse_memory_stat, sums_kernel_memory_where_the_kernel_does_not) {
    const auto stat = parse_memory_stat(kernel_texts::kMemoryStat510);
    ASSERT_TRUE(stat);
    // kernel_stack + percpu + both kinds of slab; "slab" itself is their sum and must not count again.
    EXPECT_EQ(stat->kernel, Bytes{196608 + 16384 + 3145728 + 1048576});
}

TEST(parse_memory_stat, a_cut_text_keeps_what_was_read_and_a_cut_number_is_none) {
    const std::string_view whole = kernel_texts::kMemoryStat;
    const auto stat = parse_memory_stat(whole.substr(0, whole.find("slab_reclaimable")));
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->anon, Bytes{1610612736});
    EXPECT_EQ(stat->slab_reclaimable, Bytes{0});
    EXPECT_FALSE(parse_memory_stat("anon \nfile 1\n"));
}

TEST(parse_memory_stat, is_absent_for_text_that_is_something_else) {
    for (const char* text : {"", "\n", "hello world\n", " 5\n", "anon", "anon x\n", "file 12\n",
                             "anon 1\nkernel 1e9\n", "anon 99999999999999999999\n", "anon 1\npercpu ?\n"})
        EXPECT_FALSE(parse_memory_stat(text)) << '"' << text << '"';
}

TEST(parse_memory_stat, takes_the_largest_numbers) {
    const auto stat = parse_memory_stat("anon 18446744073709551615\n");
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->anon, kMax);
}

TEST(parse_pressure, reads_both_lines) {
    const auto pressure = parse_pressure(kernel_texts::kPressure);
    ASSERT_TRUE(pressure);
    EXPECT_EQ(pressure->some, (Pressure{15, 8837412}));
    EXPECT_EQ(pressure->full, (Pressure{1000, 7712098}));
}

TEST(parse_pressure, older_cpu_files_have_no_full_line) {
    const auto pressure = parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n");
    ASSERT_TRUE(pressure);
    EXPECT_EQ(pressure->full, Pressure{});
}

TEST(parse_pressure, is_absent_for_text_that_is_something_else) {
    for (const char* text :
         {"", "some\n", "some avg10=x total=1\n", "some avg10=1.00\n", "some avg10=1.00 total=\n",
          "full avg10=1.00 avg60=0 avg300=0 total=1\n", "some avg10= total=1\n"})
        EXPECT_FALSE(parse_pressure(text)) << '"' << text << '"';
}

TEST(parse_cgroup_events, tells_populated_from_frozen) {
    const auto events = parse_cgroup_events(kernel_texts::kCgroupEvents);
    ASSERT_TRUE(events);
    EXPECT_TRUE(events->populated);
    EXPECT_FALSE(events->frozen);
    EXPECT_TRUE(parse_cgroup_events("populated 0\nfrozen 1\n")->frozen);
}

TEST(parse_cgroup_events, a_key_of_a_newer_kernel_does_not_blind_us) {
    const auto events = parse_cgroup_events("populated 1\nfrozen 1\ndescendants 12\n");
    ASSERT_TRUE(events);
    EXPECT_TRUE(events->frozen);
}

TEST(parse_cgroup_events, is_absent_for_text_that_is_something_else) {
    for (const char* text : {"", "populated\n", "frozen maybe\n", "hello world\n"})
        EXPECT_FALSE(parse_cgroup_events(text)) << '"' << text << '"';
}

TEST(parse_pids, keeps_processes_of_other_pid_namespaces_as_zero) {
    EXPECT_EQ(parse_pids("12\n0\n4194304\n"), (std::vector<int>{12, 0, 4194304}));
    EXPECT_TRUE(parse_pids("").empty());
    EXPECT_EQ(parse_pids("7\nx\n8"), (std::vector<int>{7, 8}));
}

TEST(parse_signal_status, tells_what_pid_1_does_with_sigterm) {
    const auto status = parse_signal_status(kernel_texts::kStatus);
    ASSERT_TRUE(status);
    EXPECT_TRUE(status->pending(SIGTERM));
    EXPECT_FALSE(status->pending(SIGINT));
    EXPECT_TRUE(status->handles(SIGTERM));
    EXPECT_TRUE(status->handles(SIGINT));
    EXPECT_FALSE(status->handles(SIGQUIT));
    EXPECT_TRUE(SignalStatus::has(status->ignored, SIGPIPE));
    EXPECT_EQ(status->thread_count, 9);
}

TEST(parse_signal_status, a_blocked_signal_may_be_taken_by_sigwait) {
    SignalStatus status;
    status.blocked = 1U << (SIGTERM - 1);
    EXPECT_FALSE(status.handles(SIGTERM));
    EXPECT_TRUE(status.may_handle(SIGTERM));
    EXPECT_FALSE(status.may_handle(0));
    EXPECT_FALSE(status.may_handle(65));
}

TEST(parse_signal_status, is_absent_when_a_mask_is_missing_or_broken) {
    std::string text(kernel_texts::kStatus);
    EXPECT_FALSE(parse_signal_status(text.substr(0, text.find("SigCgt"))));
    text.replace(text.find("SigCgt:\t") + 8, 4, "wxyz");
    EXPECT_FALSE(parse_signal_status(text));
    EXPECT_FALSE(parse_signal_status(""));
}

TEST(parse_meminfo, finds_exactly_the_key) {
    EXPECT_EQ(parse_meminfo(kernel_texts::kMeminfo, "SwapFree"), Bytes{1048576ULL * 1024});
    EXPECT_EQ(parse_meminfo(kernel_texts::kMeminfo, "MemAvailable"), Bytes{3145728ULL * 1024});
    EXPECT_EQ(parse_meminfo(kernel_texts::kMeminfo, "Swap"), std::nullopt);
    EXPECT_EQ(parse_meminfo("SwapFree: lots kB\n", "SwapFree"), std::nullopt);
    EXPECT_EQ(parse_meminfo("SwapFree: 18446744073709551615 kB\n", "SwapFree"), std::nullopt);
}

TEST(parse_signal_status, knows_the_init_of_a_pid_namespace) {
    std::string text(kernel_texts::kStatus);
    const auto with = [&](const std::string& line) {
        const auto at = text.find("NSpid:");
        std::string changed = text;
        if (at != std::string::npos) changed.erase(at, changed.find('\n', at) + 1 - at);
        return parse_signal_status(changed + line)->namespace_init;
    };
    EXPECT_TRUE(with("NSpid:\t4711\t1\n"));
    EXPECT_TRUE(with("NSpid:\t4711\t23\t1\n")) << "Docker in Docker";
    EXPECT_FALSE(with("NSpid:\t4711\n")) << "pid: host";
    EXPECT_FALSE(with("NSpid:\t4711\t27\n")) << "pid: service:x";
    EXPECT_TRUE(with("NSpid:\t1\n"));
    EXPECT_TRUE(with("")) << "not told: as in nearly every container";
}

}  // namespace
}  // namespace cgroups
