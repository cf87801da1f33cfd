// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"

#include <chrono>

namespace cgroups {

/// A pressure trigger (kernel: Documentation/accounting/psi.rst). `fd` becomes ready with POLLPRI, at most
/// once per window, when tasks stalled for `stall` within `window`; POLLERR means that the cgroup is gone.
/// Closing the fd ends the trigger. Without CAP_SYS_RESOURCE the kernel takes only windows that are a
/// multiple of 2 s (6.5 and later), so that is the default here.
struct PsiTrigger {
    bool full = false;
    std::chrono::microseconds stall{};
    std::chrono::microseconds window = std::chrono::seconds(2);
};

Result<UniqueFd> arm_psi_trigger(const Directory& directory, const PsiTrigger& trigger);

}  // namespace cgroups
