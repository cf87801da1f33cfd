// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/metrics/registry.hpp"
#include "governor/metrics/text.hpp"
#include "policies/step.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace governor::metrics {

/// A reservation: what was asked, and what the kernel honours. Absent: not asked, or not computed yet.
struct ReservationView {
    std::optional<policies::Bytes> asked;
    std::optional<policies::Bytes> effective;
};

/// One container, as it is at a scrape.
struct ContainerView {
    Labels labels;                           ///< project, service, container, policy
    std::optional<policies::Sample> sample;  ///< the last look; absent: it does not run, or was not looked at
    std::optional<policies::Duration> oom_in;  ///< max(): it does not grow; absent: there is no limit
    std::optional<policies::Bytes> limit;      ///< the one that binds
    std::string bound_by;                      ///< "container", or the cgroup above whose limit it is
    policies::Phase phase = policies::Phase::kUnarmed;
    bool quarantined = false;
    bool has_trigger = false;  ///< its policy has `near_oom`: it can trip
    bool acts = false;         ///< and restarts it
    bool recycles = false;     ///< or ends one process of its pool
    ReservationView min;
    ReservationView low;
    std::optional<bool> protection_short;
    const ContainerCounts* counts = nullptr;  ///< never null in render()
};

struct HostView {
    std::optional<policies::Bytes> available;
    std::optional<policies::Bytes> keep_free;
    bool is_short = false;
    bool docker_connected = false;
};

/// The governor's own process.
struct ProcessView {
    std::optional<policies::Bytes> resident;
    std::optional<std::size_t> open_fds;
    policies::Duration cpu{0};
    std::chrono::system_clock::time_point started;
};

/// All that is shown at one scrape, as plain data. What it points to is only read during render().
struct Snapshot {
    std::vector<ContainerView> containers;
    HostView host;
    ProcessView process;
    const Registry* registry = nullptr;
    const Histogram* loop_lag = nullptr;
};

/// The whole answer to a scrape. Pure, but for asking the queues.
std::string render(const Snapshot& snapshot);

}  // namespace governor::metrics
