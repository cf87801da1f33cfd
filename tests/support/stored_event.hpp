// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"
#include "governor/publish/render.hpp"

#include <chrono>
#include <string>

namespace governor::test {

/// A record as the journal gives it back.
inline journal::Stored stored(const publish::Record& record) {
    return {record.sequence,
            std::chrono::floor<std::chrono::milliseconds>(record.time),
            record.type,
            record.subject->project,
            record.subject->service,
            record.subject->name,
            publish::to_json_line(record)};
}

/// An OOM kill of a container under a policy, judged: python3 (pid 4711) by its own limit.
inline publish::Record oom_verdict() {
    using policies::Evidence;
    publish::Record record;
    record.sequence = 1795430041302;
    record.time = std::chrono::sys_seconds(std::chrono::seconds(1'777'601'647));
    record.type = "oom_verdict";
    record.subject =
        publish::Subject{"4f2a91c07be3", "jobmate-coach-1", "coach:1", "jobmate", "coach", 1, "ai-coach"};
    policies::Event& event = record.event.emplace();
    event.type = policies::EventType::kOomVerdict;
    event.at = policies::TimePoint(std::chrono::seconds(100));
    event.verdict = policies::Verdict::kOwnLimit;
    event.evidence.add(Evidence::kKernelLog).add(Evidence::kOomKillCounter);
    event.victim.pid = 4711;
    event.victim.set_name("python3");
    event.victim.rss = {230ULL << 20U};
    event.victim.main = true;
    event.hard = {256ULL << 20U};
    event.count = 1;
    event.docker_agrees = true;
    record.detail = "The container came to its own hard limit.";
    return record;
}

}  // namespace governor::test
