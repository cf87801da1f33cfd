// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace governor::act {

/// Docker's spellings of a signal: "SIGTERM", "TERM", "15", "SIGRTMIN+3". Empty is SIGTERM. `nullopt` for
/// none of them.
std::optional<int> parse_signal(std::string_view text);

/// Whether a signal that somebody sends to a container is meant to end it.
bool ends_container(int signal, int stop_signal);

}  // namespace governor::act
