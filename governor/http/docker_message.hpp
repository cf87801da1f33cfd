// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/types.hpp"
#include "governor/publish/record.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace governor::http {

/// Docker's daemon, as its own events name it.
struct DaemonName {
    std::string id;
    std::string name;  ///< of the host
};

/// An event as a client of Docker's `/events` gets it.
struct StreamedEvent {
    docker::Event event;            ///< what filters look at
    std::string line;               ///< one line of JSON, without its end
    std::uint64_t governor_id = 0;  ///< the record's number; 0: Docker's own
};

/// A record as an event of Docker's form: of its container, or of the daemon when there is none. The reason
/// is in `Actor.Attributes`, beside the container's labels (docs/events.md). Pure.
StreamedEvent to_docker_event(const publish::Record& record, const DaemonName& daemon);

/// The same from the event's JSON (publish::to_json(), an object), as the journal keeps it. `labels` are the
/// container's. Pure; never throws.
StreamedEvent to_docker_event(const nlohmann::json& told, std::chrono::system_clock::time_point time,
                              docker::Labels labels, const DaemonName& daemon);

/// What the event's JSON knows of its container's labels: Compose's project, service and number, which is
/// enough for the usual filters. Empty outside Compose. Pure.
docker::Labels compose_labels(const nlohmann::json& told);

}  // namespace governor::http
