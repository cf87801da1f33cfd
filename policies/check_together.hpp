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
    Position priority_at;
    bool match_clean = true;
};

/// A file's `host` and where it was read.
struct PlacedHost {
    const Host* host = nullptr;
    YamlReader* reader = nullptr;
    Position at;
    bool clean = true;
};

/// A hook with its name, and where it was read.
struct PlacedHook {
    const Hook* hook = nullptr;
    YamlReader* reader = nullptr;
    Position at;
};

/// What only shows when all files are seen together: names given twice, policies that want the same
/// containers, `host` given in two ways, priorities without a `host`, and `do: hold` without a hook.
void check_together(const std::vector<PlacedService>& services, const std::vector<PlacedHost>& hosts,
                    const std::vector<PlacedHook>& hooks);

}  // namespace policies
