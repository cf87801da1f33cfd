// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/compose/lines.hpp"
#include "governor/cli/compose/project.hpp"

#include <string>
#include <utility>
#include <vector>

namespace governor::cli::compose {

/// What one service is to get.
struct ServiceEdit {
    std::vector<std::pair<std::string, std::string>> annotations;  ///< key and value
    std::vector<std::pair<std::string, std::string>> keys;         ///< missing keys of the service itself
    bool empty() const { return annotations.empty() && keys.empty(); }
};

/// Puts `edit` into the lines of `service`. What cannot be edited is put into `problems`, with its mend; the
/// lines may then be half edited.
void edit_service(Lines& lines, const Service& service, const ServiceEdit& edit,
                  std::vector<Problem>& problems);

}  // namespace governor::cli::compose
