// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/event_store.hpp"
#include "policies/hook.hpp"

#include <string>

namespace governor::hooks {

/// Who tells.
struct Origin {
    std::string host;     ///< name of the host
    std::string version;  ///< of the governor
};

/// What a request carries.
struct Body {
    std::string text;
    std::string content_type;
    bool operator==(const Body&) const = default;
};

/// An event in the form that the webhook asks for (docs/hooks.md). All but HookFormat::kAlertmanager, whose
/// bodies the AlertBook makes: for that one it is the event itself. Always UTF-8, and JSON where the form is
/// JSON, whatever the event has in it. Pure, never throws, for any thread.
Body render_body(const policies::Webhook& webhook, const journal::Stored& event, const Origin& origin);

}  // namespace governor::hooks
