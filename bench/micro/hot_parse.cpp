// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "cgroup/kmsg.hpp"
#include "cgroup/parse.hpp"
#include "tests/support/kernel_texts.hpp"

#include <string_view>

// The kernel's text into values.
namespace micro {
namespace {

template <class Parse>
Hot parsing(std::string name, std::string_view text, Parse how) {
    return hot(std::move(name), Memory::kNever, [text = Text(text), how] { keep(how(text.view())); });
}

constexpr std::string_view kOrdinaryLine =
    "6,339,5140900,-,caller=T12;docker0: port 3(veth5f1c2aa) entered forwarding state\n SUBSYSTEM=net\n";
constexpr std::string_view kChoiceLine =
    "6,340,5140901,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=docker-4f2a91c07be3.scope,"
    "mems_allowed=0,oom_memcg=/system.slice/docker-4f2a91c07be3.scope,"
    "task_memcg=/system.slice/docker-4f2a91c07be3.scope,task=python3,pid=4711,uid=0\n";
constexpr std::string_view kKillLine =
    "3,341,5140905,-;Memory cgroup out of memory: Killed process 4711 (python3) total-vm:2100000kB, "
    "anon-rss:1500000kB, file-rss:300kB, shmem-rss:60kB, UID:0 pgtables:76kB oom_score_adj:0\n";

}  // namespace

void add_parsing(HotList& list) {
    list.push_back(parsing("parse_memory_events", kernel_texts::kMemoryEvents, cgroups::parse_memory_events));
    list.push_back(parsing("parse_memory_stat", kernel_texts::kMemoryStat, cgroups::parse_memory_stat));
    list.push_back(parsing("parse_pressure", kernel_texts::kPressure, cgroups::parse_pressure));
    list.push_back(parsing("parse_signal_status", kernel_texts::kStatus, cgroups::parse_signal_status));
    list.push_back(parsing("parse_cgroup_events", kernel_texts::kCgroupEvents, cgroups::parse_cgroup_events));
    list.push_back(parsing("parse_number", "1887436800\n", cgroups::parse_bytes));
    list.push_back(parsing("parse_meminfo", kernel_texts::kMeminfo,
                           [](std::string_view text) { return cgroups::parse_meminfo(text, "SwapFree"); }));
    const auto stat = *cgroups::parse_memory_stat(kernel_texts::kMemoryStat);
    list.push_back(hot("unreclaimable", Memory::kNever, [stat] {
        keep(stat);
        keep(cgroups::unreclaimable(stat, {1U << 20U}));
    }));
    // Every line of the kernel's log, whoever wrote it.
    list.push_back(hot("kernel_log_line", Memory::kNever,
                       [line = Text(kOrdinaryLine), assembler = cgroups::OomReportAssembler()]() mutable {
                           keep(assembler.feed(*cgroups::parse_kmsg_record(line.view())));
                       }));
    list.push_back(hot("kernel_log_oom_kill", Memory::kMay,
                       [choice = Text(kChoiceLine), kill = Text(kKillLine),
                        assembler = cgroups::OomReportAssembler()]() mutable {
                           assembler.feed(*cgroups::parse_kmsg_record(choice.view()));
                           keep(assembler.feed(*cgroups::parse_kmsg_record(kill.view())));
                       }));
}

}  // namespace micro
