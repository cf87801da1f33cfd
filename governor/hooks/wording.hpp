// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// What an event of the journal says, in a person's words. Pure, never throws, for any thread. `event` is its
/// JSON as an object, see event_of(). Names that a container chose itself (a process may call itself
/// anything) come without control characters, so that they cannot look like more lines.
namespace governor::hooks {

/// The event's JSON. When it cannot be parsed, an object of what is stored beside it.
nlohmann::json event_of(const journal::Stored& stored);

/// The value at a dotted path such as "victim.comm"; null when there is none.
const nlohmann::json* find_path(const nlohmann::json& event, std::string_view path);

/// The same as a text: a number in digits, an amount ({"bytes", "text"}) as its text. Empty: there is none.
std::string text_at(const nlohmann::json& event, std::string_view path);

/// Whom it is about: "jobmate/ai-coach", the container's name outside Compose, "governor" for its own events.
std::string who(const nlohmann::json& event);

/// What happened: "OOM KILL by the kernel".
std::string what(const nlohmann::json& event);

/// The reason: "unreclaimable memory 230.4MiB (threshold 192MiB)". Empty when there is none.
std::string why(const nlohmann::json& event);

/// The process that the OOM killer chose: "python3 (pid 4711, 14.8MiB)". Empty when it is not known.
std::string culprit(const nlohmann::json& event);

/// At most `most` bytes of it, cut between characters, with "…" where something is missing.
std::string cut(std::string text, std::size_t most);

}  // namespace governor::hooks
