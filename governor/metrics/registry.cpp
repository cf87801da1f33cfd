// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/registry.hpp"

#include <algorithm>

namespace governor::metrics {
namespace {

using namespace std::chrono_literals;

/// A brake lasts as long as Docker needs to signal: usually some milliseconds, `docker_timeout` at most.
constexpr std::array<policies::Duration, 9> kBrakeBounds{10ms, 50ms, 100ms, 250ms, 500ms, 1s, 2s, 5s, 10s};
/// A drain lasts as long as the application needs to save: its grace at most.
constexpr std::array<policies::Duration, 9> kDrainBounds{100ms, 500ms, 1s, 2s, 5s, 10s, 30s, 60s, 300s};
/// What others change and the governor sets back: series that are there before the first repair.
constexpr std::array<std::string_view, 5> kFiles{"memory.high", "memory.low", "memory.min", "memory.swap.max",
                                                 "oom_score_adj"};
/// Fewer containers than these are never looked through for gone ones.
constexpr std::size_t kFewContainers = 64;

/// What an OOM kill can be: the series that are there before the first one.
constexpr std::array kOomVerdicts{policies::Verdict::kOwnLimit, policies::Verdict::kAncestorLimit,
                                  policies::Verdict::kHostOom, policies::Verdict::kUnknown};

const ContainerCounts& untouched() {
    static const ContainerCounts kUntouched;
    return kUntouched;
}

}  // namespace

ContainerCounts::ContainerCounts()
    : brake(kBrakeBounds),
      drain(kDrainBounds),
      away{Histogram(kDrainBounds), Histogram(kDrainBounds), Histogram(kDrainBounds),
           Histogram(kDrainBounds)} {
    for (const policies::Verdict verdict : kOomVerdicts) oom_kills.emplace(policies::to_string(verdict), 0);
}

/// A series that begins with its first increment is not seen to grow by Prometheus: all that can be known
/// beforehand begins at 0.
Registry::Registry() : sweep_at_(kFewContainers) {
    for (int value = 0;; ++value) {
        const std::string_view name = policies::to_string(static_cast<policies::EventType>(value));
        if (name == "unknown") break;
        events_.emplace(name, 0);
    }
    for (const std::string_view file : kFiles) drifts_.emplace(file, 0);
}

namespace {

void count_recycle(ContainerCounts& counts, policies::Outcome outcome) {
    const auto* const found = std::ranges::find(kRecycleOutcomes, outcome);
    if (found != kRecycleOutcomes.end())
        ++counts.recycles.at(static_cast<std::size_t>(found - kRecycleOutcomes.begin()));
}

}  // namespace

void Registry::publish(const publish::Record& record) {
    ++events_[record.type];
    if (record.event) count(record, *record.event);
}

void Registry::count(const publish::Record& record, const policies::Event& event) {
    using policies::EventType;
    if (event.type == EventType::kDriftRepaired) ++drifts_[std::string(event.file)];
    if (event.type == EventType::kGiveWay) ++give_ways_;
    const std::string& id = record.subject->id;
    if (id.empty()) return;
    if (event.type == EventType::kOomNear) ++counts_of(id).trips;
    if (event.type == EventType::kPageCacheChurn) ++counts_of(id).false_trips;
    if (event.type == EventType::kOomVerdict)
        counts_of(id).oom_kills[std::string(policies::to_string(event.verdict))] +=
            static_cast<std::uint64_t>(std::max<std::int64_t>(event.count, 1));
    if (event.type == EventType::kRestartFinished) {
        ContainerCounts& counts = counts_of(id);
        ++counts.restarts.at(static_cast<std::size_t>(event.outcome));
        if (event.brake.count() > 0) counts.brake.observe(event.brake);
        if (event.drain.count() > 0) counts.drain.observe(event.drain);
        counts.away[0].observe(event.away.stop);
        counts.away[1].observe(event.away.docker);
        counts.away[2].observe(event.away.start);
    }
    if (event.type == EventType::kRecycled) count_recycle(counts_of(id), event.outcome);
    if (event.type == EventType::kRecycleFailed) count_recycle(counts_of(id), policies::Outcome::kFailed);
    if (event.type == EventType::kAvailableAgain) counts_of(id).away[3].observe(event.away.healthy);
}

ContainerCounts& Registry::counts_of(const std::string& id) {
    if (const auto found = containers_.find(id); found != containers_.end()) return found->second;
    if (containers_.size() >= sweep_at_ && known_) {
        std::erase_if(containers_, [this](const auto& each) { return !known_(each.first); });
        sweep_at_ = std::max(kFewContainers, 2 * containers_.size());
    }
    return containers_[id];
}

const ContainerCounts& Registry::container(const std::string& id) const {
    const auto found = containers_.find(id);
    return found == containers_.end() ? untouched() : found->second;
}

void Registry::count_delivery(std::string_view target, std::string_view result) {
    ++deliveries_[{std::string(target), std::string(result)}];
}

void Registry::watch_queue(QueueName name, std::function<QueueState()> state) {
    queues_[std::move(name)] = std::move(state);
}

void Registry::forget_queue(const QueueName& name) {
    queues_.erase(name);
    if (name.target.empty()) return;
    std::erase_if(deliveries_, [&](const auto& each) { return each.first.first == name.target; });
}

}  // namespace governor::metrics
