// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/compose/editor.hpp"

#include <map>
#include <string>
#include <vector>

namespace governor::cli::compose {

/// The edits by the service's name.
using Edits = std::map<std::string, ServiceEdit, std::less<>>;

/// Whether `after` is `before` with these edits and nothing else, told from the two as YAML and not from the
/// way the text was edited; and whether no other service takes something over by an alias, a merge or
/// `extends` that it did not have. Problems are at positions of `before`.
std::vector<Problem> verify(const Document& before, const Document& after, const Edits& edits);

}  // namespace governor::cli::compose
