// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "cgroup/protection.hpp"
#include "governor/reserve/drift.hpp"
#include "governor/reserve/plan.hpp"
#include "policies/ledger.hpp"
#include "tests/support/host_story.hpp"

#include <memory>
#include <string>

// Whom a policy is for, who gives way, what is reserved, what killed it.
namespace micro {
namespace {

using namespace policies;
using namespace std::chrono_literals;

constexpr int kServices = 50;

/// One policy for each of fifty services, a fifth of them with a reservation.
Policy many_services() {
    Policy policy;
    policy.host.keep_free = Size{.bytes = 512_MiB, .share = std::nullopt};
    for (int i = 0; i < kServices; ++i) {
        ServicePolicy& service = policy.services.emplace_back();
        service.name = "policy-" + std::to_string(i);
        service.match.project = {"jobmate", "jobmate-*"};
        service.match.service = {"worker-" + std::to_string(i), "*-worker-[a-f]" + std::to_string(i)};
        service.memory.hard = Size{.bytes = 128_MiB, .share = std::nullopt};
        if (i % 5 == 0) service.reserve.emplace().min = Size{.bytes = 64_MiB, .share = std::nullopt};
    }
    return policy;
}

void add_matching(HotList& list) {
    const auto policy = std::make_shared<Policy>(many_services());
    Candidate candidate{
        .project = "jobmate", .service = "worker-42", .container = "/jobmate-worker-42-1", .labels = {}};
    for (const char* label : {"com.docker.compose.config-hash", "com.docker.compose.project",
                              "com.docker.compose.service", "maintainer", "org.opencontainers.image.version"})
        candidate.labels.emplace_back(label, "value");
    list.push_back(hot("select_of_50_policies", Memory::kMay,
                       [policy, candidate] { keep(select(*policy, candidate)); }));
    list.push_back(hot("glob", Memory::kNever,
                       [pattern = Text("*-worker-[a-f]*-?"), text = Text("jobmate-worker-worker-d42-1")] {
                           keep(glob_matches(pattern.view(), text.view()));
                       }));
    list.push_back(hot("ledger_of_50", Memory::kMay, [policy] { keep(add_up(*policy, 8_GiB)); }));
}

HostStory host(bool short_of_memory) {
    HostStory story;
    story.candidates.clear();
    for (std::size_t i = 0; i < kServices; ++i)
        story.candidates.push_back({.index = i,
                                    .priority = static_cast<int>(i % 10),
                                    .unreclaimable = {(100 + i) << 20U},
                                    .ready = i % 2 == 0});
    story.look();
    if (short_of_memory) story.leave(300_MiB);
    return story;
}

void add_host(HotList& list) {
    list.push_back(hot("guard_host_at_ease", Memory::kNever, [story = host(false)]() mutable {
        story.now += 1s;
        story.said = guard_host(story.policy, story.said.state, story.input());
        keep(story.said);
    }));
    list.push_back(hot("guard_host_gives_way", Memory::kNever, [story = host(true)] {
        HostInput input = story.input();
        input.now += 1s;
        keep(guard_host(story.policy, story.said.state, input));
    }));
}

void add_reservations(HotList& list) {
    std::vector<governor::reserve::Claim> claims;
    for (int i = 0; i < kServices; ++i)
        claims.push_back(
            {"/sys/fs/cgroup/system.slice/docker-" + std::string(60, 'a') + std::to_string(i) + ".scope",
             cgroups::Bytes{64U << 20U}, cgroups::Bytes{96U << 20U}, std::nullopt});
    list.push_back(hot("reserve_plan_of_50", Memory::kMay,
                       [claims] { keep(governor::reserve::plan("/sys/fs/cgroup", claims, {})); }));
    std::vector<cgroups::ProtectionLevel> levels(4, {.path = "/sys/fs/cgroup/system.slice",
                                                     .usage = {1U << 30U},
                                                     .min = {512U << 20U},
                                                     .low = {768U << 20U},
                                                     .siblings_min = {600U << 20U},
                                                     .siblings_low = {900U << 20U}});
    list.push_back(hot("effective_protection", Memory::kNever,
                       [levels] { keep(cgroups::effective_protection(levels, true)); }));
    governor::reserve::Drift drift;
    drift.look(TimePoint{1h}, {}, {64U << 20U});
    list.push_back(hot("drift_look", Memory::kNever, [drift, now = TimePoint{1h}]() mutable {
        now += 1s;
        keep(drift.look(now, {64U << 20U}, {64U << 20U}));
    }));
}

void add_verdicts(HotList& list) {
    const KillFacts kill{.log = KillFacts::Log::kOwn,
                         .counted = true,
                         .counters_read = true,
                         .local_oom = true,
                         .subtree_oom = true,
                         .docker_oom = true};
    list.push_back(hot("judge_kill", Memory::kNever, [kill] { keep(judge(kill)); }));
    DeathFacts death;
    death.exit_code = 137;
    death.sigkill = true;
    death.docker_oom = true;
    death.main_kill.emplace().judged = judge(kill);
    death.main_kill->victim.pid = 4711;
    list.push_back(hot("judge_death", Memory::kNever, [death] { keep(judge(death)); }));
}

}  // namespace

void add_judging(HotList& list) {
    add_matching(list);
    add_host(list);
    add_reservations(list);
    add_verdicts(list);
}

}  // namespace micro
