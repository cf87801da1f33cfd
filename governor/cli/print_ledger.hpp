// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"
#include "policies/ledger.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace governor::cli {

/// A line for each service, the sums, and what the host has left of each; then what is wrong with it.
std::string ledger_text(const Console& console, const policies::Ledger& ledger);
/// Sizes in bytes; null is no hard limit.
nlohmann::json ledger_json(const policies::Ledger& ledger);

}  // namespace governor::cli
