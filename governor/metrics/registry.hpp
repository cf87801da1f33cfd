// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/metrics/histogram.hpp"
#include "governor/publish/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace governor::metrics {

/// Every outcome of a restart, in the order of the enumeration.
inline constexpr std::array kOutcomes{policies::Outcome::kNone,
                                      policies::Outcome::kGraceful,
                                      policies::Outcome::kKilledByGovernor,
                                      policies::Outcome::kKilledAtGraceEnd,
                                      policies::Outcome::kOomKilled,
                                      policies::Outcome::kFailed};

/// How a recycle ended; kFailed: the container was restarted instead, or as well.
inline constexpr std::array kRecycleOutcomes{policies::Outcome::kGraceful,
                                             policies::Outcome::kKilledByGovernor,
                                             policies::Outcome::kOomKilled, policies::Outcome::kFailed};

/// Where the time of a restart goes, in the order of policies::Away.
inline constexpr std::array<std::string_view, 4> kAwayParts{"stop", "docker", "start", "healthy"};

/// What has happened to one container.
struct ContainerCounts {
    ContainerCounts();

    std::uint64_t trips = 0;
    std::uint64_t false_trips = 0;
    std::array<std::uint64_t, kOutcomes.size()> restarts{};
    std::array<std::uint64_t, kRecycleOutcomes.size()> recycles{};  ///< in the order of kRecycleOutcomes
    std::map<std::string, std::uint64_t, std::less<>> oom_kills;    ///< by verdict; the known ones from 0
    Histogram brake;
    Histogram drain;
    std::array<Histogram, kAwayParts.size()> away;  ///< in the order of kAwayParts
};

/// How a queue is now.
struct QueueState {
    std::optional<std::size_t> depth;  ///< absent: its length is not known
    std::uint64_t dropped = 0;         ///< since the start
};

/// `target` is empty for a queue that there is once ("log", "journal").
struct QueueName {
    std::string queue;
    std::string target;
    auto operator<=>(const QueueName&) const = default;
};

/// Counts what happens, from the events; and knows whom to ask for the queues. Loop's thread only.
class Registry final : public publish::EventSink {
  public:
    Registry();

    void publish(const publish::Record& record) override;

    /// Tells whether a container is still known. Counts of others are dropped now and then, so that they take
    /// no memory when nobody scrapes.
    void set_known(std::function<bool(const std::string& id)> known) { known_ = std::move(known); }

    /// One attempt of a hook. `result` is one of a few fixed words: each makes a series.
    void count_delivery(std::string_view target, std::string_view result);
    /// `state` is called at each scrape, on the loop's thread, until forget_queue(); it must not block. A
    /// queue of the same name is replaced.
    void watch_queue(QueueName name, std::function<QueueState()> state);
    /// The queue's series go, and what was delivered to its target.
    void forget_queue(const QueueName& name);

    /// Zeros for a container to which nothing happened.
    const ContainerCounts& container(const std::string& id) const;
    const std::map<std::string, std::uint64_t, std::less<>>& events() const { return events_; }
    const std::map<std::string, std::uint64_t, std::less<>>& drift_repairs() const { return drifts_; }
    std::uint64_t give_ways() const { return give_ways_; }
    using Delivery = std::pair<std::string, std::string>;  ///< target, result
    const std::map<Delivery, std::uint64_t>& deliveries() const { return deliveries_; }
    const std::map<QueueName, std::function<QueueState()>>& queues() const { return queues_; }
    /// Containers that something happened to, and whose counts are kept.
    std::size_t kept() const { return containers_.size(); }

  private:
    void count(const publish::Record& record, const policies::Event& event);
    ContainerCounts& counts_of(const std::string& id);

    std::function<bool(const std::string&)> known_;
    std::size_t sweep_at_;
    std::map<std::string, ContainerCounts> containers_;
    std::map<std::string, std::uint64_t, std::less<>> events_;
    std::map<std::string, std::uint64_t, std::less<>> drifts_;
    std::uint64_t give_ways_ = 0;
    std::map<Delivery, std::uint64_t> deliveries_;
    std::map<QueueName, std::function<QueueState()>> queues_;
};

}  // namespace governor::metrics
