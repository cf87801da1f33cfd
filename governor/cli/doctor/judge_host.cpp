// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"
#include "policies/bytes.hpp"

#include <array>
#include <string_view>

namespace governor::cli::doctor {
namespace {

using cgroups::Mode;

/// Less locked memory than this is not enough for the governor's own pages.
constexpr std::uint64_t kEnoughMemlock = 128ULL << 20U;

struct Capability {
    unsigned bit;
    std::string_view name;
    std::string_view use;
};
/// Numbers: linux/capability.h.
constexpr unsigned kIpcLock = 14;
constexpr std::array<Capability, 4> kCapabilities{{
    {5, "KILL", "sending a stop signal itself when Docker hangs"},
    {19, "SYS_PTRACE",
     "finding which process of a container holds the memory (do: recycle, do: auto), and the file of a "
     "drain_hook"},
    {24, "SYS_RESOURCE", "lowering oom_score_adj, and pressure triggers with short windows"},
    {kIpcLock, "IPC_LOCK", "locking its own memory, so that it never waits for a page when memory is short"},
}};

bool has(std::uint64_t capabilities, unsigned bit) {
    return ((capabilities >> bit) & 1U) != 0;
}

Check judge_version(const HostFacts& host) {
    const std::string id = "cgroup.version";
    const std::string about = "cgroup version";
    const std::string mend =
        "boot with systemd.unified_cgroup_hierarchy=1, and mount /sys/fs/cgroup into the governor's "
        "container";
    if (!host.hierarchy) return fail(id, about, host.hierarchy_error, "check --cgroup-mount");
    if (host.hierarchy->mount.empty()) return fail(id, about, "cgroup v2 is not mounted", mend);
    if (host.hierarchy->mode == Mode::kHybrid) {
        return fail(id, about, "v1 and v2 are mixed (hybrid); v2 is at " + host.hierarchy->mount,
                    "boot with systemd.unified_cgroup_hierarchy=1");
    }
    return ok(id, about, "v2 at " + host.hierarchy->mount);
}

Check judge_memory(const HostFacts& host) {
    if (host.hierarchy->memory_controller) return ok("cgroup.memory", "memory controller", "available");
    return fail("cgroup.memory", "memory controller", "cgroup.controllers does not name it",
                "boot without cgroup_disable=memory (some boards: with cgroup_enable=memory), and without "
                "cgroup v1 memory mounts");
}

Check judge_psi(const HostFacts& host) {
    if (host.hierarchy->psi) return ok("cgroup.psi", "pressure (PSI)", "available");
    return warn("cgroup.psi", "pressure (PSI)", "memory.pressure cannot be read",
                "boot with psi=1; until then conditions on pressure never hold");
}

Check judge_write(const HostFacts& host) {
    const auto& write = host.write;
    if (write.good) {
        return ok("cgroup.write", "write access",
                  write.tried ? "a directory could be made and removed in " + write.where
                              : write.where + " is writable");
    }
    return fail("cgroup.write", "write access", "cannot write to " + write.where + ": " + write.reason,
                "run as root; in a container mount /sys/fs/cgroup:/sys/fs/cgroup:rw, and use cgroup: host");
}

Check judge_tree(const HostFacts& host) {
    const std::string id = "cgroup.namespace";
    const std::string about = "cgroup namespace";
    if (!host.tree_is_host) {
        return fail(id, about,
                    "only the governor's own part of the tree is visible, not the other containers'",
                    "set cgroup: host in the Compose file");
    }
    if (host.host_cgroup_namespace == false) {
        return warn(id, about, "the whole tree is mounted, but /proc shows paths from a private namespace",
                    "set cgroup: host in the Compose file");
    }
    return ok(id, about, "the host's tree");
}

Check judge_pid(const HostFacts& host) {
    if (host.host_pid_namespace.value_or(true)) return ok("pid.namespace", "pid namespace", "the host's");
    return warn("pid.namespace", "pid namespace",
                "a private one: other containers' processes cannot be seen, so nobody knows whether PID 1 "
                "handles its stop signal, "
                "and no signal can be sent when Docker hangs",
                "set pid: host in the Compose file");
}

Check judge_capability(const Capability& capability, std::uint64_t capabilities) {
    const std::string name(capability.name);
    const std::string id = "capability." + name;
    if (has(capabilities, capability.bit))
        return ok(id, "capability " + name, "held, for " + std::string(capability.use));
    return warn(id, "capability " + name, "missing; it is for " + std::string(capability.use),
                "add cap_add: [" + name + "] in the Compose file");
}

Check judge_memlock(const HostFacts& host) {
    const std::string id = "memlock";
    const std::string about = "locked memory";
    if (has(host.capabilities, kIpcLock)) return ok(id, about, "no limit, because of IPC_LOCK");
    if (!host.memlock) return ok(id, about, "unlimited");
    const auto text = to_string(policies::Bytes{*host.memlock});
    if (*host.memlock >= kEnoughMemlock) return ok(id, about, text);
    return warn(id, about, "at most " + text + ": the governor cannot lock its memory",
                "set ulimits: { memlock: -1 } in the Compose file");
}

Check judge_kernel_log(const HostFacts& host) {
    const std::string id = "kernel.log";
    const std::string about = "kernel's log";
    if (host.kernel_log_error.empty()) return ok(id, about, "readable, so OOM verdicts name the process");
    return warn(
        id, about,
        host.kernel_log_error +
            ": OOM kills are counted and judged all the same, but the process is not named, and a kill "
            "in a container that is gone at once may be told as not_known",
        "add devices: [\"/dev/kmsg:/dev/kmsg:r\"] and cap_add: [SYSLOG] in the Compose file");
}

}  // namespace

Checks judge_host(const HostFacts& host) {
    Checks out;
    out.push_back(judge_version(host));
    if (host.hierarchy && !host.hierarchy->mount.empty()) {
        out.push_back(judge_memory(host));
        out.push_back(judge_psi(host));
        out.push_back(judge_write(host));
        out.push_back(judge_tree(host));
    }
    out.push_back(judge_pid(host));
    for (const auto& capability : kCapabilities)
        out.push_back(judge_capability(capability, host.capabilities));
    out.push_back(judge_memlock(host));
    out.push_back(judge_kernel_log(host));
    return out;
}

}  // namespace governor::cli::doctor
