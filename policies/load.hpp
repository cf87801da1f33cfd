// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/policy.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policies {

enum class Severity : std::uint8_t { kError, kWarning };

/// One thing that is wrong with a policy file. Line and column are 1-based, 0 when the whole file is meant.
struct Diagnostic {
    Severity severity = Severity::kError;
    std::string file;
    int line = 0;
    int column = 0;
    std::string path;     ///< where in the document: "services.ai-coach.memory.hard"
    std::string message;  ///< what is wrong
    std::string hint;     ///< how to mend it; may be empty
    std::string snippet;  ///< the source line; empty when there is none
};

/// "file:line:col: error: message [path]", the source line, a caret below the column, and the hint; no
/// trailing newline. Control characters are made visible, so that a file cannot drive the terminal that shows
/// its errors.
std::string to_string(const Diagnostic& diagnostic);

/// A file's name and its whole text. Reading files is the caller's: this library does no I/O.
struct Source {
    std::string file;
    std::string text;
};

/// `nullopt` when the variable is not set.
using Environment = std::function<std::optional<std::string>(std::string_view)>;

struct LoadResult {
    std::optional<Policy> policy;  ///< present exactly when there is no error
    std::vector<Diagnostic> diagnostics;
};

/// Reads, substitutes `${NAME}` and `${NAME:-default}` in scalars, checks, and merges all sources into one
/// policy. Finds every error of every source in one go. Never throws for any input; refuses sources above 1
/// MiB, aliases that make cycles or blow up, and documents nested deeper than 64. Warnings leave the policy
/// usable. A file with more than 500 findings gets the first 500 and a count.
LoadResult load(const std::vector<Source>& sources, const Environment& environment);

/// JSON Schema (draft 2020-12) of a policy file, as text.
std::string json_schema();

}  // namespace policies
