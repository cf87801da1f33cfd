// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

namespace policies {

/// What a process does with one signal (proc(5): SigCgt, SigBlk, SigIgn, NSpid).
struct SignalDisposition {
    bool handled = false;  ///< caught, or blocked and so possibly taken by sigwait or signalfd
    bool ignored = false;
    /// PID 1 of its pid namespace: the kernel drops what it has no handler for (pid_namespaces(7)). False
    /// with `pid: host` and `pid: service:…`.
    bool namespace_init = true;
};

/// What a container's main process does with its stop signal. SIGKILL cannot be handled; it ends any process.
StopHandling judge_stop(int stop_signal, const SignalDisposition& main);

}  // namespace policies
