// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace policies {

/// Every `type` that an event can have: those of EventType, and the daemon's own. docs/events.md names them.
std::span<const std::string_view> event_type_names();

}  // namespace policies
