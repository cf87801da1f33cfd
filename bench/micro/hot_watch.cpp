// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "bench/micro/watched.hpp"
#include "cgroup/process.hpp"
#include "governor/controller.hpp"
#include "governor/supervisor.hpp"
#include "governor/watch/kill_count.hpp"
#include "governor/watch/schedule.hpp"

#include <memory>

// The parts of a look at a container: when, reading, deciding, remembering.
namespace micro {
namespace {

using namespace std::chrono_literals;
using policies::TimePoint;

/// All files of a container in a temporary folder, read through held fds: our part of the price, without the
/// kernel's counting.
Hot sample_of_a_tree() {
    const auto container = std::make_shared<Container>();
    return hot("sample_of_a_tree", Memory::kNever, [container, run = container->target().run] {
        keep(governor::to_sample(*run->files.sample({})));
    });
}

/// The same below two slices with a limit: one is far from it, of the other memory.stat is read too.
Hot sample_below_limits() {
    struct Nested {
        TempTree tree;
        cgroups::LimitTree limits{tree.path()};
        std::unique_ptr<cgroups::Directory> directory;
        std::unique_ptr<cgroups::MemoryFiles> files;
        cgroups::Surroundings around;
    };
    const auto nested = std::make_shared<Nested>();
    memory_files(nested->tree, "a.slice/");
    nested->tree.file("a.slice/memory.max", "8589934592\n");
    nested->tree.file("a.slice/memory.high", "max\n");
    memory_files(nested->tree, "a.slice/a-b.slice/");
    memory_files(nested->tree, "a.slice/a-b.slice/c.scope/");
    const std::string path = nested->tree.path("a.slice/a-b.slice/c.scope");
    nested->directory = std::make_unique<cgroups::Directory>(std::move(*cgroups::Directory::open(path)));
    nested->files = std::make_unique<cgroups::MemoryFiles>(
        std::move(*cgroups::MemoryFiles::open(*nested->directory, nested->limits.above(path))));
    return hot("sample_below_limits", Memory::kNever,
               [nested] { keep(governor::to_sample(*nested->files->sample(nested->around))); });
}

/// Once a second: limits of the cgroups above are read anew.
Hot limits_read_anew() {
    const auto tree = std::make_shared<TempTree>();
    memory_files(*tree, "a.slice/");
    const auto node = std::make_shared<cgroups::LimitNode>(tree->path("a.slice"), nullptr);
    return hot("limits_read_anew", Memory::kNever, [tree, node, round = std::uint64_t{1}]() mutable {
        node->refresh(++round);
        keep(node->limit());
    });
}

/// Once a second: what the host's swap could take.
Hot host_swap() {
    const auto tree = std::make_shared<TempTree>();
    tree->file("meminfo", kernel_texts::kMeminfo);
    tree->file("sys/vm/swappiness", "60\n");
    tree->file("swaps", "Filename Type Size Used Priority\n/dev/vda2 partition 2097148 1024 -2\n");
    return hot(
        "host_swap", Memory::kMay,
        [tree, reader = cgroups::SwapReader(tree->path(), tree->path("none"))] { keep(reader.read()); });
}

/// The next of a thousand containers is due, and is due again later.
Hot schedule() {
    struct Planned {
        governor::watch::Schedule schedule;
        TimePoint now{1h};
    };
    const auto planned = std::make_shared<Planned>();
    for (int i = 0; i < 1000; ++i)
        planned->schedule.set(std::string(60, 'f') + std::to_string(i), planned->now + i * 900us,
                              planned->now);
    return hot("schedule_of_1000", Memory::kNever, [planned] {
        planned->now = planned->schedule.next();
        for (const cgroups::SharedText& id : planned->schedule.take_due(planned->now))
            planned->schedule.set(id, planned->now + 900ms, planned->now);
    });
}

/// The daemon's side of step(): from the sample to the actions' receivers, and the new times.
Hot controller_sample() {
    struct Fed {
        TimePoint now{1h};
        Container container;
        Deaf deaf;
        governor::Controller controller{[this] { return now; }, deaf, deaf, container.subject()};
        policies::Sampled input;
    };
    const auto fed = std::make_shared<Fed>();
    fed->controller.retarget(fed->container.target());
    fed->controller.feed(policies::Started{});
    policies::Armed armed;
    armed.hard = 2_GiB;
    armed.tripwire = 1843_MiB;
    armed.grace = 10s;
    fed->controller.feed(armed);
    fed->input.sample.current = fed->input.sample.unreclaimable = 1450_MiB;
    fed->input.sample.hard = armed.hard;
    fed->input.sample.tripwire = armed.tripwire;
    return hot("controller_sample", Memory::kNever, [fed] {
        fed->now += 5s;
        fed->controller.feed(fed->input);
    });
}

/// A look at the counters that found no new kill.
Hot no_new_kill() {
    governor::watch::KillCount count(true);
    count.rebase({.oom_kill = 3, .oom = 4, .local_oom = 4, .ancestors = 0});
    return hot("kill_count_unchanged", Memory::kNever, [count, now = TimePoint{1h}]() mutable {
        now += 20ms;
        count.counted({.oom_kill = 3, .oom = 4, .local_oom = 4, .ancestors = 0}, now);
        keep(count.due());
    });
}

/// A kill that all three tell of.
Hot kill_told() {
    const cgroups::OomReport report{.constraint = cgroups::OomReport::Constraint::kMemcg,
                                    .oom_memcg = "/system.slice/docker-4f2a91c07be3.scope",
                                    .task_memcg = "/system.slice/docker-4f2a91c07be3.scope",
                                    .pid = 4711,
                                    .comm = "python3",
                                    .rss = {1U << 30U}};
    return hot("kill_count_kill", Memory::kMay, [report] {
        governor::watch::KillCount count(true);
        count.counted({.oom_kill = 1, .oom = 1, .local_oom = 1, .ancestors = 0}, TimePoint{1h});
        count.reported(report, TimePoint{1h});
        count.docker_told(TimePoint{1h});
        keep(count.take(TimePoint{1h} + 1ms));
    });
}

}  // namespace

void add_watching(HotList& list) {
    list.push_back(sample_of_a_tree());
    list.push_back(sample_below_limits());
    list.push_back(limits_read_anew());
    list.push_back(host_swap());
    list.push_back(schedule());
    list.push_back(controller_sample());
    list.push_back(no_new_kill());
    list.push_back(kill_told());
}

}  // namespace micro
