// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/load.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace policies {

/// A scalar with its variables filled in, or why that cannot be done.
struct Substituted {
    std::optional<std::string> text;
    bool has_variables = false;  ///< then the text may be a secret
    std::string message;
    std::string hint;
};

/// `${NAME}`, `${NAME:-default}` (also for an empty variable, as in Compose) and `$$` for a dollar sign. This
/// happens after the YAML is read, so a variable can never change a document's structure.
Substituted substitute(std::string_view text, const Environment& environment);

}  // namespace policies
