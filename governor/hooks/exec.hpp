// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/process.hpp"
#include "governor/hooks/transport.hpp"
#include "policies/hook.hpp"

#include <string>
#include <vector>

namespace governor::hooks {

/// The event as environment variables: GOVERNOR_ID, GOVERNOR_TYPE, GOVERNOR_SERVICE, GOVERNOR_PROJECT,
/// GOVERNOR_CONTAINER, GOVERNOR_POLICY, GOVERNOR_VERDICT, GOVERNOR_OUTCOME, GOVERNOR_DETAIL; what the event
/// does not have is empty. GOVERNOR_RUN is `run`. Beside them PATH, HOME and LANG of the governor, and
/// nothing else: its own environment may hold the secrets of other hooks. Pure.
std::vector<std::string> hook_environment(const journal::Stored& event, const std::string& run);

/// Runs a program for each event, the event's JSON on its standard input and in its environment. Delivered is
/// exit code 0. The program has a process group of its own; when it ends, or its time is over, what is left
/// in that group is killed, and what left the group (setsid) but has its GOVERNOR_RUN still. What it writes
/// goes to the governor's standard error. It runs with the oom_score_adj of any process (0) and not with the
/// governor's protection. The caller's thread blocks or ignores SIGPIPE.
class ExecTransport final : public Transport {
  public:
    ExecTransport(policies::ExecHook hook, std::string proc = "/proc")
        : hook_(std::move(hook)), proc_(std::move(proc)) {}
    Outcome deliver(const Parcel& parcel, const std::atomic<bool>& stop) override;

  private:
    policies::ExecHook hook_;
    std::string proc_;
};

}  // namespace governor::hooks
