// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/publish/record.hpp"

#include <chrono>
#include <vector>

namespace governor::test {

/// Records with every field set, one for each kind of quantity: together they have every key that an event
/// can have.
inline std::vector<publish::Record> full_records() {
    using namespace std::chrono_literals;
    using policies::Quantity;
    publish::Record record;
    record.sequence = 1795430041302;
    record.time = std::chrono::sys_days(std::chrono::year(2026) / 5 / 1) + 2h + 14min + 7s + 123ms;
    record.type = "restart_finished";
    record.subject =
        publish::Subject{"4f2a91c07be3", "jobmate-coach-1", "coach:1", "jobmate", "coach", 1, "ai-coach"};
    policies::Event& event = record.event.emplace();
    event.type = policies::EventType::kRestartFinished;
    event.at = policies::TimePoint(123456789ns);
    event.current = {250ULL << 20U};
    event.unreclaimable = {240ULL << 20U};
    event.hard = {256ULL << 20U};
    event.limit = {200ULL << 20U};
    event.bound_level = 1;
    record.bound_by = "tight.slice";
    event.tripwire = policies::kUnlimited;
    event.peak = {245ULL << 20U};
    event.growth = 12 << 20U;
    event.eta = 1500ms;
    event.brake = 120us;
    event.drain = 2s;
    event.total = 4250ms;
    event.away = {1800ms, 240ms, 35ms, 1500ms};
    event.outcome = policies::Outcome::kOomKilled;
    event.via = policies::Via::kDocker;
    event.stop_handling = policies::StopHandling::kHandled;
    event.exit_code = 137;
    event.count = 2;
    event.frozen = true;
    event.file = "memory.min";
    event.cause = "daemon-reload";
    event.verdict = policies::Verdict::kOwnLimit;
    event.evidence.add(policies::Evidence::kKernelLog).add(policies::Evidence::kDockerOomEvent);
    event.victim.pid = 4711;
    event.victim.set_name("python3");
    event.victim.rss = {230ULL << 20U};
    event.victim.oom_score_adj = 500;
    event.victim.main = true;
    event.docker_agrees = true;
    event.process.pid = 812;
    event.process.bytes = {120ULL << 20U};
    event.process.growth = 3 << 20U;
    event.freed = {110ULL << 20U};
    policies::Survey survey;
    survey.largest[0] = event.process;
    survey.count = 1;
    survey.held = {240ULL << 20U};
    record.survey = std::make_shared<const policies::Survey>(survey);
    record.samples = {{2500us, {240ULL << 20U}, {230ULL << 20U}}};
    record.detail = "The container came to its own hard limit.";

    std::vector<publish::Record> out;
    for (const Quantity quantity : {Quantity::of(policies::Bytes{240ULL << 20U}), Quantity::of(1500ms),
                                    Quantity::of(policies::Permille{875}), Quantity::count(3)}) {
        event.reason = {policies::Rule::kUnreclaimable, quantity, quantity, 10s};
        out.push_back(record);
    }
    // Only of this type it is known how long the health check took.
    record.type = "available_again";
    event.type = policies::EventType::kAvailableAgain;
    out.push_back(record);
    return out;
}

}  // namespace governor::test
