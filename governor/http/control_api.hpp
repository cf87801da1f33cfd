// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace governor::http {

/// An answer of the daemon to its command line.
struct Reply {
    int status = 200;  ///< HTTP status: 200, 404 (no such service), 409 (not possible now), 400 (wrong use: a
                       ///< name of several projects, with "candidates")
    nlohmann::json body;  ///< on errors: {"error": "<one sentence>"}
};

/// What the control socket asks of the daemon. Called on the loop's thread; must not block.
class ControlApi {
  public:
    ControlApi() = default;
    ControlApi(const ControlApi&) = delete;
    ControlApi& operator=(const ControlApi&) = delete;
    virtual ~ControlApi() = default;
    /// All containers that are watched, and the daemon's own state.
    virtual Reply status() = 0;
    /// One service (name, project/service or container name) in full.
    virtual Reply explain(std::string_view service) = 0;
    /// "release" (of `service`), "reload" (all policies; `service` is empty) or "resolve" (200 unless
    /// `service` names containers of several projects).
    virtual Reply command(std::string_view name, std::string_view service) = 0;
};

}  // namespace governor::http
