// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace governor::cli {

/// Makes `text` the content of the file at `path`, whole or not at all: a new file beside it is written,
/// flushed to disk, and renamed into its place. A link stays a link; an existing file keeps its mode and,
/// where that is allowed, its owner. Blocking. Returns what went wrong; empty when nothing did.
std::string replace_file(const std::string& path, const std::string& text);

}  // namespace governor::cli
