// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stop_handling.hpp"

#include "policies/signal_name.hpp"

namespace policies {

StopHandling judge_stop(int stop_signal, const SignalDisposition& main) {
    // From outside of its namespace SIGKILL reaches an init, too.
    if (stop_signal == kSignalKill) return StopHandling::kDefaultAction;
    if (main.handled) return StopHandling::kHandled;
    if (main.ignored) return StopHandling::kIgnored;
    if (main.namespace_init) return StopHandling::kNotHandled;
    // A default action that does not end the process has the same consequence as SIG_IGN.
    return default_action(stop_signal) == DefaultAction::kTerminate ? StopHandling::kDefaultAction
                                                                    : StopHandling::kIgnored;
}

}  // namespace policies
