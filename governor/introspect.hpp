// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/http/control_api.hpp"
#include "governor/publish/publisher.hpp"
#include "governor/reserve/keeper.hpp"
#include "governor/supervisor.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor {

/// Answers the command line from what the supervisor knows. Loop's thread only.
class Introspection final : public http::ControlApi {
  public:
    struct Parts {
        Supervisor& supervisor;
        const reserve::Keeper& keeper;
        const publish::Publisher& publisher;
        const docker::Client& docker;
        cgroups::Processes processes;
        Clock clock;
        std::chrono::system_clock::time_point started;
        /// Loads the policies anew: empty when they are in force, else what is wrong with them.
        std::function<std::string()> reload;
        /// What `status` says of the hooks: an array.
        std::function<nlohmann::json()> hooks;
    };
    explicit Introspection(Parts parts) : parts_(std::move(parts)) {}

    http::Reply status() override;
    http::Reply explain(std::string_view service) override;
    http::Reply command(std::string_view name, std::string_view service) override;

  private:
    nlohmann::json describe(const Supervisor::Entry& entry) const;
    std::vector<const Supervisor::Entry*> named(std::string_view service) const;
    /// A refusal when the name means containers of several projects.
    std::optional<http::Reply> ambiguous(std::string_view service) const;

    Parts parts_;
};

}  // namespace governor
