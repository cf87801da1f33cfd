// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/publish/publisher.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace governor::test {

/// The wall clock of the journal's tests: 2026-05-01T00:00:00Z, and what is added to it.
inline constexpr std::chrono::sys_seconds kDay{std::chrono::seconds(1'777'593'600)};

/// An event as the Publisher makes it. `padding` makes its JSON larger.
inline publish::PublishedPtr event(std::uint64_t id, const std::string& service = "coach",
                                   const std::string& type = "armed",
                                   std::chrono::system_clock::time_point time = kDay,
                                   std::size_t padding = 0) {
    auto out = std::make_shared<publish::Published>();
    out->record.sequence = id;
    out->record.time = time;
    out->record.type = type;
    out->record.subject =
        publish::Subject{.name = "jobmate-" + service + "-1", .project = "jobmate", .service = service};
    out->json = "{\"id\":" + std::to_string(id) + ",\"detail\":\"" + std::string(padding, 'x') + "\"}";
    return out;
}

}  // namespace governor::test
