// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"

#include <tl/expected.hpp>

#include <string>

namespace governor::journal {

/// Renames a damaged database file, with SQLite's files beside it, to "<path>.damaged-<time>" and returns
/// that name. Only the last three damaged ones are kept: a bad disk must not be filled with them. The error
/// is a sentence for a person.
tl::expected<std::string, std::string> move_aside(const std::string& path, Moment now);

}  // namespace governor::journal
