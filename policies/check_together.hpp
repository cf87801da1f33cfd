// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/yaml_reader.hpp"

#include <vector>

namespace policies {

/// A policy and where it was read.
struct PlacedService {
    const ServicePolicy* policy = nullptr;
    YamlReader* reader = nullptr;
    Position name_at;
    Position match_at;
    bool match_clean = true;
};

/// What only shows when all services of all files are seen together: names given twice, and policies that
/// want the same containers.
void check_together(const std::vector<PlacedService>& services);

}  // namespace policies
