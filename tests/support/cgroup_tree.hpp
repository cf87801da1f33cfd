// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/tree.hpp"

#include <cstdint>
#include <string>

namespace governor::test {

/// The files of one container's scope in a TempTree, as the kernel shows them.
inline std::string add_scope(const TempTree& tree, const std::string& id, std::uint64_t anon,
                             const std::string& max) {
    const std::string scope = "system.slice/docker-" + id + ".scope/";
    tree.file(scope + "memory.current", std::to_string(anon) + "\n");
    tree.file(scope + "memory.stat",
              "anon " + std::to_string(anon) +
                  "\nfile 0\nkernel 0\nshmem 0\nsock 0\nslab_reclaimable 0\nunevictable 0\n"
                  "inactive_anon " +
                  std::to_string(anon) + "\nactive_anon 0\n");
    tree.file(scope + "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
    tree.file(scope + "memory.max", max + "\n");
    tree.file(scope + "memory.high", "max\n");
    tree.file(
        scope + "memory.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    tree.file(scope + "cgroup.procs", "");
    tree.file(scope + "cgroup.events", "populated 1\nfrozen 0\n");
    tree.file(scope + "cgroup.freeze", "0\n");
    tree.file(scope + "cgroup.kill", "");
    return scope;
}

}  // namespace governor::test
