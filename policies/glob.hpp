// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace policies {

struct GlobProblem {
    std::size_t offset = 0;  ///< in the pattern, in bytes
    std::string message;
};

/// What is wrong with a pattern, if anything. `glob_matches` takes any pattern; this is for telling the
/// author.
std::optional<GlobProblem> glob_problem(std::string_view pattern);

/// No `*`, `?` or `[`: matches itself alone.
bool is_literal(std::string_view pattern);

}  // namespace policies
