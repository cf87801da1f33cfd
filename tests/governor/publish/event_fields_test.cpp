// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/event_fields.hpp"

#include "governor/publish/render.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

/// What a hook's template can name is what events have, neither less nor more.
namespace governor::publish {
namespace {

using namespace policies;
using namespace std::chrono_literals;

/// All that an event can have. Values that exclude each other are those of `measured`.
Record full(const Quantity& measured) {
    Record record;
    record.sequence = 1;
    record.type = "oom_verdict";
    record.subject = Subject{"4f2a", "jobmate-ai-coach-1", "coach:1", "jobmate", "ai-coach", 1, "ai"};
    Event event;
    event.type = EventType::kOomVerdict;
    event.at = TimePoint(1s);
    event.reason = {Rule::kUnreclaimable, measured, measured, 10s};
    event.current = event.unreclaimable = event.hard = event.tripwire = event.peak = 1_MiB;
    event.growth = 1;
    event.eta = event.brake = event.drain = event.total = 1ms;
    event.outcome = Outcome::kGraceful;
    event.via = Via::kDocker;
    event.stop_handling = StopHandling::kHandled;
    event.exit_code = 0;
    event.count = 1;
    event.frozen = true;
    event.file = "memory.low";
    event.cause = "daemon-reload";
    event.verdict = Verdict::kOwnLimit;
    event.evidence.add(Evidence::kKernelLog).add(Evidence::kExitCode);
    event.victim.pid = 1;
    event.victim.set_name("python");
    event.docker_agrees = true;
    event.process.pid = 2;
    event.process.bytes = 1_MiB;
    event.process.growth = 1;
    event.freed = 1_MiB;
    record.event = event;
    policies::Survey survey;
    survey.largest[0] = event.process;
    survey.count = 1;
    record.survey = std::make_shared<const policies::Survey>(survey);
    record.samples = {{1s, 1_MiB, 1_MiB}, {2s, 1_MiB, 1_MiB}};
    record.detail = "A sentence.";
    return record;
}

void collect(const nlohmann::json& value, const std::string& path, std::set<std::string>& out) {
    if (!value.is_object()) {
        out.insert(path);
        return;
    }
    for (const auto& [key, inner] : value.items()) collect(inner, path.empty() ? key : path + "." + key, out);
}

TEST(EventFields, AreThoseOfTheRenderedEvent) {
    std::set<std::string> rendered;
    Record away = full(Quantity::count(1));
    away.event->type = EventType::kAvailableAgain;
    away.event->away = {1ms, 1ms, 1ms, 1ms};
    collect(to_json(away), "", rendered);
    for (const auto& measured :
         {Quantity::of(1_MiB), Quantity::of(Duration(1s)), Quantity::of(Permille{1}), Quantity::count(1)})
        collect(to_json(full(measured)), "", rendered);
    const auto names = event_field_names();
    EXPECT_EQ(rendered, std::set<std::string>(names.begin(), names.end()));
}

}  // namespace
}  // namespace governor::publish
