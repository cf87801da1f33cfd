// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/kmsg.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cgroups {
namespace {

const std::string kScope =
    "/system.slice/docker-4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a4f2a.scope";

std::string choice(const std::string& where, const std::string& task) {
    return "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=docker-4f2a.scope,mems_allowed=0" +
           where + ",task=" + task;
}
std::string own(const std::string& task) {
    return choice(",oom_memcg=" + kScope + ",task_memcg=" + kScope, task);
}
std::string killed(const std::string& who, const std::string& prefix = "Memory cgroup out of memory") {
    return prefix + ": Killed process " + who +
           " total-vm:21000kB, anon-rss:15000kB, file-rss:300kB, shmem-rss:60kB, UID:0 pgtables:76kB "
           "oom_score_adj:0";
}

/// Feeds lines as the kernel's own records, 1 ms apart.
class Log {
  public:
    Log& say(const std::string& text, int step_ms = 1, const char* flag = "-", int priority = 6) {
        at_ += step_ms * 1000;
        const std::string record = std::to_string(priority) + "," + std::to_string(++sequence_) + "," +
                                   std::to_string(at_) + "," + flag + ";" + text + "\n SUBSYSTEM=x\n";
        const auto parsed = parse_kmsg_record(record);
        EXPECT_TRUE(parsed) << record;
        if (parsed)
            if (auto report = assembler.feed(*parsed)) reports.push_back(*report);
        return *this;
    }
    OomReportAssembler assembler;
    std::vector<OomReport> reports;

  private:
    std::uint64_t sequence_ = 100;
    std::int64_t at_ = 5'000'000;
};

TEST(kmsg_record, reads_what_the_kernel_writes) {
    const auto record =
        parse_kmsg_record("6,339,5140900,-,caller=T12;NET: Registered protocol family 10\n KEY=v\n");
    ASSERT_TRUE(record);
    EXPECT_TRUE(record->from_kernel);
    EXPECT_EQ(record->sequence, 339U);
    EXPECT_EQ(record->at, std::chrono::microseconds(5140900));
    EXPECT_FALSE(record->continued);
    EXPECT_EQ(record->text, "NET: Registered protocol family 10");
    EXPECT_TRUE(parse_kmsg_record("4,340,5140901,c;rest\n")->continued);
}

TEST(kmsg_record, what_is_none_is_absent) {
    for (const char* bad : {"", "\n", "6", "6,1,2,-", "x,1,2,-;text", "6,,2,-;text", "6,1,-;text", ";text"})
        EXPECT_FALSE(parse_kmsg_record(bad)) << bad;
}

TEST(kmsg_text, escapes_are_undone) {
    EXPECT_EQ(unescape_kmsg("a\\x0ab\\x5c"), "a\nb\\");
    EXPECT_EQ(unescape_kmsg("\\x"), "\\x");
    EXPECT_EQ(unescape_kmsg("\\xzz"), "\\xzz");
}

TEST(oom_report, of_a_containers_own_limit) {
    Log log;
    log.say("python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0")
        .say("memory: usage 15360kB, limit 15360kB, failcnt 36")
        .say(own("python3,pid=1234,uid=0"))
        .say(killed("1234 (python3)"))
        .say("oom_reaper: reaped process 1234 (python3), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB");
    ASSERT_EQ(log.reports.size(), 1U);
    const OomReport& report = log.reports[0];
    EXPECT_EQ(report.constraint, OomReport::Constraint::kMemcg);
    EXPECT_EQ(report.oom_memcg, kScope);
    EXPECT_EQ(report.task_memcg, kScope);
    EXPECT_EQ(report.pid, 1234);
    EXPECT_EQ(report.comm, "python3");
    EXPECT_EQ(report.rss, Bytes{(15000 + 300 + 60) << 10U});
    EXPECT_TRUE(report.memcg_message);
    EXPECT_FALSE(report.group);
    EXPECT_EQ(report.sequence, 104U);
}

TEST(oom_report, of_the_host) {
    Log log;
    log.say(
           "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/"
           ",mems_allowed=0,global_oom,task_memcg=" +
           kScope + ",task=eater,pid=77,uid=1000")
        .say(
            "Out of memory: Killed process 77 (eater) total-vm:1kB, anon-rss:2kB, file-rss:0kB, "
            "shmem-rss:0kB, "
            "UID:1000 pgtables:76kB oom_score_adj:-500");
    ASSERT_EQ(log.reports.size(), 1U);
    EXPECT_EQ(log.reports[0].constraint, OomReport::Constraint::kHost);
    EXPECT_EQ(log.reports[0].oom_memcg, "");
    EXPECT_EQ(log.reports[0].task_memcg, kScope);
    EXPECT_EQ(log.reports[0].oom_score_adj, -500);
    EXPECT_FALSE(log.reports[0].memcg_message);
}

TEST(oom_report, hostile_names_of_tasks_change_nothing) {
    struct Case {
        std::string comm;
        std::string name;
    };
    for (const Case& one : {Case{"a b", "a b"}, Case{"x) total-vm:1kB", "x) total-vm:1kB"},
                            Case{"a,pid=1,uid=0", "a,pid=1,uid=0"}, Case{"a,task=b", "a,task=b"},
                            Case{"((", "(("}, Case{"n\\x0a6,1,1,-;x", "n\n6,1,1,-;x"}}) {
        Log log;
        log.say(own(one.comm + ",pid=1234,uid=0")).say(killed("1234 (" + one.comm + ")"));
        ASSERT_EQ(log.reports.size(), 1U) << one.comm;
        EXPECT_EQ(log.reports[0].comm, one.name);
        EXPECT_EQ(log.reports[0].pid, 1234);
        EXPECT_EQ(log.reports[0].task_memcg, kScope);
        EXPECT_EQ(log.reports[0].rss, Bytes{15360U << 10U});
    }
}

TEST(oom_report, a_cgroup_named_like_a_field_is_not_taken_for_one) {
    Log log;
    const std::string nested = kScope + "/deep,task=somebody-else-entirely,pid=1";
    log.say(choice(",oom_memcg=" + kScope + ",task_memcg=" + nested, "python3,pid=9,uid=0"))
        .say(killed("9 (python3)"));
    ASSERT_EQ(log.reports.size(), 1U);
    EXPECT_EQ(log.reports[0].task_memcg, nested);
    EXPECT_EQ(log.reports[0].comm, "python3");
}

TEST(oom_report, what_user_space_writes_is_not_believed) {
    Log log;
    constexpr int kUserInfo = (1 << 3) | 6;
    log.say(own("python3,pid=1,uid=0"), 1, "-", kUserInfo).say(killed("1 (python3)"), 1, "-", kUserInfo);
    EXPECT_TRUE(log.reports.empty());
}

TEST(oom_report, an_interrupted_line_is_put_together) {
    const std::string line = own("python3,pid=1234,uid=0");
    for (std::size_t cut = 30; cut < line.size() - 6; cut += 7) {
        Log log;
        log.say(line.substr(0, cut))
            .say("something else, from another CPU")
            .say(line.substr(cut), 1, "c")
            .say(killed("1234 (python3)"));
        ASSERT_EQ(log.reports.size(), 1U) << cut;
        EXPECT_EQ(log.reports[0].task_memcg, kScope) << cut;
    }
}

TEST(oom_report, a_cut_off_line_leaves_the_kill_to_be_counted) {
    Log log;
    log.say(own("python3,pid=1234,uid=0").substr(0, 150)).say(killed("1234 (python3)"));
    ASSERT_EQ(log.reports.size(), 1U);
    EXPECT_EQ(log.reports[0].constraint, OomReport::Constraint::kUnknown);
    EXPECT_EQ(log.reports[0].pid, 1234);
    log.say(killed("5 (x)").substr(0, 52))
        .say("Memory cgroup out of memory: Killed process")
        .say("Out of memory: ");
    EXPECT_EQ(log.reports.size(), 1U);
}

TEST(oom_report, every_prefix_of_a_line_is_survived) {
    for (const std::string& line : {own("python3,pid=1234,uid=0"), killed("1234 (python3)")})
        for (std::size_t size = 0; size <= line.size(); ++size) {
            Log log;
            log.say(line.substr(0, size)).say(line.substr(size), 1, "c");
            EXPECT_LE(log.reports.size(), 1U);
        }
}

TEST(oom_report, without_its_first_line_it_is_nobodys_for_now) {
    // The kernel prints ten reports in 5 s, and "Killed process" always.
    Log log;
    log.say(own("python3,pid=1,uid=0")).say(killed("1 (python3)")).say(killed("2 (python3)"));
    ASSERT_EQ(log.reports.size(), 2U);
    EXPECT_EQ(log.reports[0].task_memcg, kScope);
    EXPECT_EQ(log.reports[1].task_memcg, "");
    EXPECT_EQ(log.reports[1].constraint, OomReport::Constraint::kUnknown);
    EXPECT_TRUE(log.reports[1].memcg_message);
}

TEST(oom_report, records_that_were_lost_take_their_choice_with_them) {
    Log log;
    log.say(own("python3,pid=1,uid=0"));
    log.assembler.interrupted();
    log.say(killed("2 (python3)"));
    ASSERT_EQ(log.reports.size(), 1U);
    EXPECT_EQ(log.reports[0].task_memcg, "");
}

TEST(oom_report, a_group_is_killed_together) {
    Log log;
    log.say(own("python3,pid=1,uid=0"))
        .say(killed("1 (python3)"))
        .say("Tasks in " + kScope + " are going to be killed due to memory.oom.group set")
        .say(killed("2 (worker)"))
        .say(killed("3 (worker)"));
    ASSERT_EQ(log.reports.size(), 3U);
    EXPECT_FALSE(log.reports[0].group);
    for (const std::size_t i : {1U, 2U}) {
        EXPECT_TRUE(log.reports[i].group);
        EXPECT_EQ(log.reports[i].task_memcg, kScope);
        EXPECT_EQ(log.reports[i].oom_memcg, kScope);
        EXPECT_EQ(log.reports[i].constraint, OomReport::Constraint::kMemcg);
    }
    log.say(killed("4 (other)"), 5000);
    EXPECT_EQ(log.reports.at(3).task_memcg, "") << "long after, without a line of its own: not of that group";
}

}  // namespace
}  // namespace cgroups
