// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/snapshot.hpp"

#include <limits>

namespace governor::metrics {
namespace {

/// What a scrape of one container takes, roughly.
constexpr std::size_t kBytesPerContainer = 4096;
constexpr std::size_t kBytesForTheRest = 16384;

Labels with(const Labels& labels, std::string_view name, std::string_view value) {
    Labels out = labels;
    return out.with(name, value);
}

Labels one(std::string_view name, std::string_view value) {
    return Labels().with(name, value);
}

/// Without a limit there is no series: infinity would spoil sums and ratios.
void add_bytes(Text& text, const Labels& labels, policies::Bytes bytes) {
    if (bytes != policies::kUnlimited) text.add(labels, bytes.value);
}

double ratio(policies::Permille share) {
    constexpr double kWhole = 1000;
    return share.value / kWhole;
}

using Containers = std::vector<ContainerView>;

void add_memory(Text& text, const Containers& containers) {
    const auto each = [&](FamilyId id, policies::Bytes policies::Sample::*field) {
        text.begin(id);
        for (const ContainerView& view : containers)
            if (view.sample) add_bytes(text, view.labels, (*view.sample).*field);
    };
    each(FamilyId::kMemoryCurrent, &policies::Sample::current);
    each(FamilyId::kMemoryUnreclaimable, &policies::Sample::unreclaimable);
    each(FamilyId::kHardLimit, &policies::Sample::hard);
    text.begin(FamilyId::kLimit);
    for (const ContainerView& view : containers)
        if (view.limit) add_bytes(text, with(view.labels, "bound_by", view.bound_by), *view.limit);
    text.begin(FamilyId::kHeadroom);
    for (const ContainerView& view : containers)
        if (view.limit && view.sample) add_bytes(text, view.labels, *view.limit - view.sample->unreclaimable);
    each(FamilyId::kTripwire, &policies::Sample::tripwire);
}

void add_reservations(Text& text, const Containers& containers) {
    const auto each = [&](FamilyId id, std::optional<policies::Bytes> ReservationView::*field) {
        text.begin(id);
        for (const ContainerView& view : containers) {
            if (const auto& min = view.min.*field) add_bytes(text, with(view.labels, "kind", "min"), *min);
            if (const auto& low = view.low.*field) add_bytes(text, with(view.labels, "kind", "low"), *low);
        }
    };
    each(FamilyId::kReserved, &ReservationView::asked);
    each(FamilyId::kEffectiveProtection, &ReservationView::effective);
    text.begin(FamilyId::kProtectionShort);
    for (const ContainerView& view : containers)
        if (view.protection_short) text.add(view.labels, std::uint64_t{*view.protection_short ? 1U : 0U});
}

void add_state(Text& text, const Containers& containers) {
    text.begin(FamilyId::kOomEta);
    for (const ContainerView& view : containers) {
        if (!view.oom_in) continue;
        if (*view.oom_in == policies::Duration::max()) {
            text.add(view.labels, std::numeric_limits<double>::infinity());
        } else {
            text.add(view.labels, *view.oom_in);
        }
    }
    text.begin(FamilyId::kPressure);
    for (const ContainerView& view : containers) {
        if (!view.sample) continue;
        text.add(with(view.labels, "kind", "some"), ratio(view.sample->some));
        text.add(with(view.labels, "kind", "full"), ratio(view.sample->full));
    }
    text.begin(FamilyId::kPhase);
    for (const ContainerView& view : containers)
        text.add(with(view.labels, "phase", policies::to_string(view.phase)), std::uint64_t{1});
    text.begin(FamilyId::kQuarantined);
    for (const ContainerView& view : containers)
        text.add(view.labels, std::uint64_t{view.quarantined ? 1U : 0U});
}

/// A container that can trip, or restart, has its series before it does: from 0.
void add_counts(Text& text, const Containers& containers) {
    text.begin(FamilyId::kTrips);
    for (const ContainerView& view : containers)
        if (view.has_trigger || view.counts->trips > 0) text.add(view.labels, view.counts->trips);
    text.begin(FamilyId::kFalseTrips);
    for (const ContainerView& view : containers)
        if (view.has_trigger || view.counts->false_trips > 0) text.add(view.labels, view.counts->false_trips);
    text.begin(FamilyId::kRestarts);
    for (const ContainerView& view : containers)
        for (std::size_t i = 0; i < kOutcomes.size(); ++i)
            if (view.acts || view.counts->restarts[i] > 0)
                text.add(with(view.labels, "outcome", policies::to_string(kOutcomes[i])),
                         view.counts->restarts[i]);
    text.begin(FamilyId::kRecycles);
    for (const ContainerView& view : containers)
        for (std::size_t i = 0; i < kRecycleOutcomes.size(); ++i)
            if (view.recycles || view.counts->recycles[i] > 0)
                text.add(with(view.labels, "outcome", policies::to_string(kRecycleOutcomes[i])),
                         view.counts->recycles[i]);
    text.begin(FamilyId::kOomKills);
    for (const ContainerView& view : containers)
        for (const auto& [verdict, count] : view.counts->oom_kills)
            text.add(with(view.labels, "verdict", verdict), count);
    const auto histograms = [&](FamilyId id, Histogram ContainerCounts::*field) {
        text.begin(id);
        for (const ContainerView& view : containers)
            if ((view.counts->*field).count() > 0) text.add(view.labels, view.counts->*field);
    };
    histograms(FamilyId::kBrake, &ContainerCounts::brake);
    histograms(FamilyId::kDrain, &ContainerCounts::drain);
    text.begin(FamilyId::kAway);
    for (const ContainerView& view : containers)
        for (std::size_t i = 0; i < kAwayParts.size(); ++i)
            if (view.counts->away[i].count() > 0)
                text.add(with(view.labels, "part", kAwayParts[i]), view.counts->away[i]);
}

void add_host(Text& text, const Snapshot& snapshot) {
    const HostView& host = snapshot.host;
    text.begin(FamilyId::kHostAvailable);
    if (host.available) add_bytes(text, {}, *host.available);
    text.begin(FamilyId::kHostKeepFree);
    if (host.keep_free) add_bytes(text, {}, *host.keep_free);
    text.begin(FamilyId::kHostShort);
    text.add({}, std::uint64_t{host.is_short ? 1U : 0U});
    text.begin(FamilyId::kGiveWays);
    text.add({}, snapshot.registry->give_ways());
    text.begin(FamilyId::kContainers);
    text.add({}, std::uint64_t{snapshot.containers.size()});
    text.begin(FamilyId::kDockerConnected);
    text.add({}, std::uint64_t{host.docker_connected ? 1U : 0U});
}

void add_events(Text& text, const Registry& registry) {
    text.begin(FamilyId::kEvents);
    for (const auto& [type, count] : registry.events()) text.add(one("type", type), count);
    text.begin(FamilyId::kDriftRepairs);
    for (const auto& [file, count] : registry.drift_repairs()) text.add(one("file", file), count);
    text.begin(FamilyId::kHookDeliveries);
    for (const auto& [delivery, count] : registry.deliveries())
        text.add(one("target", delivery.first).with("result", delivery.second), count);
}

void add_queues(Text& text, const Registry& registry) {
    std::vector<std::pair<Labels, QueueState>> queues;
    for (const auto& [name, state] : registry.queues()) {
        Labels labels = one("queue", name.queue);
        if (!name.target.empty()) labels.with("target", name.target);
        queues.emplace_back(std::move(labels), state());
    }
    text.begin(FamilyId::kQueueDepth);
    for (const auto& [labels, state] : queues)
        if (state.depth) text.add(labels, std::uint64_t{*state.depth});
    text.begin(FamilyId::kQueueDropped);
    for (const auto& [labels, state] : queues) text.add(labels, state.dropped);
}

void add_process(Text& text, const Snapshot& snapshot) {
    const ProcessView& process = snapshot.process;
    text.begin(FamilyId::kLoopLag);
    text.add({}, *snapshot.loop_lag);
    text.begin(FamilyId::kBuildInfo);
    text.add(one("version", GOVERNOR_VERSION), std::uint64_t{1});
    text.begin(FamilyId::kResident);
    if (process.resident) add_bytes(text, {}, *process.resident);
    text.begin(FamilyId::kCpu);
    text.add({}, process.cpu);
    text.begin(FamilyId::kOpenFds);
    if (process.open_fds) text.add({}, std::uint64_t{*process.open_fds});
    text.begin(FamilyId::kStartTime);
    text.add({}, std::chrono::duration_cast<policies::Duration>(process.started.time_since_epoch()));
}

}  // namespace

std::string render(const Snapshot& snapshot) {
    Text text;
    text.reserve(kBytesForTheRest + snapshot.containers.size() * kBytesPerContainer);
    add_memory(text, snapshot.containers);
    add_reservations(text, snapshot.containers);
    add_state(text, snapshot.containers);
    add_counts(text, snapshot.containers);
    add_host(text, snapshot);
    add_events(text, *snapshot.registry);
    add_queues(text, *snapshot.registry);
    add_process(text, snapshot);
    return text.take();
}

}  // namespace governor::metrics
