// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/registry.hpp"

#include <gtest/gtest.h>

#include <set>

namespace governor::metrics {
namespace {

using namespace std::chrono_literals;
using policies::EventType;

publish::Record about(const std::string& id, EventType type) {
    publish::Record record;
    record.type = policies::to_string(type);
    record.subject = publish::Subject{.id = id};
    record.event.emplace();
    record.event->type = type;
    return record;
}

publish::Record restart(const std::string& id, policies::Outcome outcome, policies::Duration brake,
                        policies::Duration drain) {
    publish::Record record = about(id, EventType::kRestartFinished);
    record.event->outcome = outcome;
    record.event->brake = brake;
    record.event->drain = drain;
    return record;
}

TEST(Registry, CountsWhatHappensToAContainer) {
    Registry registry;
    registry.publish(about("a", EventType::kOomNear));
    registry.publish(about("a", EventType::kOomNear));
    registry.publish(about("a", EventType::kPageCacheChurn));
    registry.publish(restart("a", policies::Outcome::kGraceful, 30ms, 2s));
    registry.publish(restart("a", policies::Outcome::kFailed, 40ms, 3s));
    const ContainerCounts& counts = registry.container("a");
    EXPECT_EQ(counts.trips, 2U);
    EXPECT_EQ(counts.false_trips, 1U);
    EXPECT_EQ(counts.restarts[static_cast<std::size_t>(policies::Outcome::kGraceful)], 1U);
    EXPECT_EQ(counts.restarts[static_cast<std::size_t>(policies::Outcome::kFailed)], 1U);
    EXPECT_EQ(counts.brake.sum(), 70ms);
    EXPECT_EQ(counts.drain.sum(), 5s);
    EXPECT_EQ(registry.container("b").trips, 0U) << "another's are its own";
}

TEST(Registry, CountsEveryOomKillOfAnEvent) {
    Registry registry;
    publish::Record record = about("a", EventType::kOomVerdict);
    record.event->count = 3;
    record.event->verdict = policies::Verdict::kOwnLimit;
    registry.publish(record);
    registry.publish(record);
    EXPECT_EQ(registry.container("a").oom_kills.at("own_limit"), 6U);
    EXPECT_EQ(registry.container("b").oom_kills.at("host_oom"), 0U) << "there from the beginning";
}

TEST(Registry, ARestartWithoutABrakeSpoilsNoHistogram) {
    Registry registry;
    registry.publish(restart("a", policies::Outcome::kKilledByGovernor, {}, {}));
    EXPECT_EQ(registry.container("a").brake.count(), 0U);
    EXPECT_EQ(registry.container("a").drain.count(), 0U);
}

TEST(Registry, HasAPlaceForEveryOutcome) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(kOutcomes[i]), i);
        names.insert(policies::to_string(kOutcomes[i]));
    }
    EXPECT_EQ(names.size(), kOutcomes.size());
    EXPECT_EQ(policies::to_string(static_cast<policies::Outcome>(kOutcomes.size())), "unknown");
}

TEST(Registry, CountsEventsByTypeAndRepairsByFileFromZero) {
    Registry registry;
    EXPECT_EQ(registry.events().at("drift_storm"), 0U);
    EXPECT_EQ(registry.drift_repairs().at("memory.min"), 0U);
    publish::Record repair = about("", EventType::kDriftRepaired);  // of an ancestor: it has no container
    repair.event->file = "memory.min";
    registry.publish(repair);
    publish::Record own;
    own.type = "governor_started";
    registry.publish(own);
    registry.publish(about("a", EventType::kGiveWay));
    EXPECT_EQ(registry.drift_repairs().at("memory.min"), 1U);
    EXPECT_EQ(registry.events().at("drift_repaired"), 1U);
    EXPECT_EQ(registry.events().at("governor_started"), 1U);
    EXPECT_EQ(registry.give_ways(), 1U);
}

TEST(Registry, ForgetsGoneContainersThoughNobodyScrapes) {
    Registry registry;
    std::set<std::string> known{"keeps"};
    registry.set_known([&](const std::string& id) { return known.contains(id); });
    registry.publish(about("keeps", EventType::kOomNear));
    for (int i = 0; i < 10'000; ++i) registry.publish(about("job-" + std::to_string(i), EventType::kOomNear));
    EXPECT_LT(registry.kept(), 100U);
    EXPECT_EQ(registry.container("keeps").trips, 1U);
}

TEST(Registry, AForgottenQueueTakesItsDeliveriesAlong) {
    Registry registry;
    registry.watch_queue({"hook", "pager"}, [] { return QueueState{2, 1}; });
    registry.count_delivery("pager", "delivered");
    registry.count_delivery("chat", "failed");
    registry.forget_queue({"hook", "pager"});
    EXPECT_TRUE(registry.queues().empty());
    ASSERT_EQ(registry.deliveries().size(), 1U);
    EXPECT_EQ(registry.deliveries().begin()->first.first, "chat");
}

}  // namespace
}  // namespace governor::metrics
