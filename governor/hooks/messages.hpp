// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/body.hpp"
#include "governor/hooks/content.hpp"
#include "governor/ports.hpp"
#include "policies/hook.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace governor::hooks {

/// The event types that a target must see: those of its `on`, and what else its format needs. Pure.
std::vector<std::string> types_of(const policies::Hook& hook);

/// What a hook tells its target.
struct Messages {
    /// Takes in what was told before the governor started, oldest first.
    using Replay = std::function<void(const std::vector<journal::Stored>&, Content::WallTime now)>;

    std::unique_ptr<Content> content;
    Replay replay;  ///< empty: what is told does not depend on the past. Lives as long as `content`
};
/// `clock` is CLOCK_MONOTONIC: distinguishes a wall clock that was set from time that has passed.
Messages make_messages(const policies::Hook& hook, const Origin& origin, Clock clock);

}  // namespace governor::hooks
