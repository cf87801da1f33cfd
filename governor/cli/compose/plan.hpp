// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/compose/annotations.hpp"
#include "governor/cli/compose/editor.hpp"
#include "governor/cli/compose/wanted.hpp"

#include <optional>
#include <string>
#include <vector>

namespace governor::cli::compose {

/// What one service has, against what its policy wants.
struct Plan {
    ServiceEdit edit;
    std::vector<Difference> differences;
    std::vector<std::string> notes;
    policies::Bytes min{};  ///< reserved for each container
    policies::Bytes low{};
    bool tripwire = false;
};

Plan plan_of(const Project& project, const Service& service, const policies::ServicePolicy& policy,
             std::optional<policies::Bytes> host_memory);

}  // namespace governor::cli::compose
