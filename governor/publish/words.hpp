// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

#include <string_view>

/// The names of events and rules as a person says them. Pure, for any thread.
namespace governor::publish {

/// What happened: "OOM KILL by the kernel".
std::string_view headline(policies::EventType type);
/// The same by the type's name. Empty for a name that is no EventType's (the governor's own events).
std::string_view headline(std::string_view type);

/// "<subject> <measured> (<limit> <threshold>) within <window>"
struct RuleWords {
    std::string_view subject;
    std::string_view limit = "threshold";
};
RuleWords words_of(policies::Rule rule);
/// The same by the rule's name. An empty subject for a name that is no rule's.
RuleWords words_of(std::string_view rule);

}  // namespace governor::publish
