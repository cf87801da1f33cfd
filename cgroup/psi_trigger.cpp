// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/psi_trigger.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>

namespace cgroups {

Result<UniqueFd> arm_psi_trigger(const Directory& directory, const PsiTrigger& trigger) {
    auto fd = directory.open_file("memory.pressure", O_RDWR | O_NONBLOCK);
    if (!fd) return fd;
    // The kernel wants the terminating NUL too.
    const std::string text = std::string(trigger.full ? "full " : "some ") +
                             std::to_string(trigger.stall.count()) + " " +
                             std::to_string(trigger.window.count());
    if (::write(fd->get(), text.c_str(), text.size() + 1) < 0)
        return errno_error("arm the trigger \"" + text + "\" on", directory.path() + "/memory.pressure");
    return fd;
}

}  // namespace cgroups
