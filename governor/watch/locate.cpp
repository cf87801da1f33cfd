// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/locate.hpp"

#include "governor/act/guardian_protocol.hpp"
#include "governor/docker/cgroup_path.hpp"

namespace governor::watch {

cgroups::Result<cgroups::Directory> locate(const std::string& mount, const cgroups::Processes& processes,
                                           const std::string& driver,
                                           const docker::ContainerDetails& container) {
    if (container.state.pid > 0) {
        auto path = processes.cgroup_path(static_cast<int>(container.state.pid));
        // Another process has that number here when the pid namespaces differ: its path does not name the
        // container. A path with
        // ".." is what a private cgroup namespace shows of others.
        if (path && path->find(container.id) != std::string::npos && path->find("..") == std::string::npos) {
            // A container with a cgroup namespace of its own may have moved its PID 1 further down (an init
            // system in it).
            const auto end = path->find('/', path->find(container.id));
            auto directory = cgroups::Directory::open(mount + path->substr(0, end));
            if (directory) return directory;
        }
    }
    const auto path = docker::container_cgroup(driver, container.host_config.cgroup_parent, container.id);
    if (!path)
        return cgroups::make_error(std::errc::no_such_file_or_directory, "find the cgroup of",
                                   "container " + container.name);
    return cgroups::Directory::open(mount + *path);
}

}  // namespace governor::watch
