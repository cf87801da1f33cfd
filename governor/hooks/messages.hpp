// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/content.hpp"
#include "policies/hook.hpp"

#include <memory>
#include <string>
#include <vector>

namespace governor::hooks {

/// Who tells, for those who hear from several hosts.
struct Origin {
    std::string host;     ///< its name
    std::string version;  ///< the governor's
};

/// The event types that a target must see: those of its `on`, and what else its format needs. Pure.
std::vector<std::string> types_of(const policies::Hook& hook);

/// What this hook tells its target.
std::unique_ptr<Content> make_messages(const policies::Hook& hook, const Origin& origin);

}  // namespace governor::hooks
