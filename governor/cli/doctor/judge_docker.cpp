// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/judge.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace governor::cli::doctor {
namespace {

/// The client's message says both what is wrong and what to do; the operation that found it is of no interest
/// here.
Check judge_error(const DockerFacts& docker) {
    using Kind = docker::Error::Kind;
    const auto& error = *docker.error;
    std::string reason = error.message;
    if (!error.operation.empty() && reason.starts_with(error.operation + ": "))
        reason.erase(0, error.operation.size() + 2);
    if (error.kind == Kind::kUnreachable || error.kind == Kind::kTimeout) {
        return fail("docker.socket", "Docker", "cannot be reached on " + docker.socket, std::move(reason));
    }
    return fail("docker.socket", "Docker", std::move(reason), "see Docker's own log: journalctl -u docker");
}

Check judge_driver(const docker::Info& info) {
    const std::string id = "docker.cgroup_driver";
    const std::string about = "cgroup driver";
    if (info.cgroup_version == "1") {
        return fail(id, about, "Docker works with cgroup v1",
                    "boot with systemd.unified_cgroup_hierarchy=1 and restart Docker");
    }
    if (info.cgroup_driver == "systemd" || info.cgroup_driver == "cgroupfs")
        return ok(id, about, info.cgroup_driver);
    return fail(id, about, "Docker says \"" + info.cgroup_driver + "\"",
                "use the systemd driver: \"exec-opts\": [\"native.cgroupdriver=systemd\"] in "
                "/etc/docker/daemon.json; rootless Docker needs delegation");
}

/// Whether a process of a container can be found from here: tried on what runs.
Check judge_visibility(const DockerFacts& docker) {
    const std::string id = "docker.pid1";
    const std::string about = "containers' PID 1";
    const auto running = [](const ContainerFacts& each) { return each.details.state.pid > 0; };
    const auto seen = [](const ContainerFacts& each) {
        return !each.details.id.empty() && each.pid1_cgroup.find(each.details.id) != std::string::npos;
    };
    const auto total = std::ranges::count_if(docker.containers, running);
    const auto visible = std::ranges::count_if(docker.containers,
                                               [&](const auto& each) { return running(each) && seen(each); });
    if (total == 0) return ok(id, about, "no container runs, so nothing could be tried");
    const std::string found = std::to_string(visible) + " of " + std::to_string(total) + " visible in /proc";
    if (visible == total) return ok(id, about, found);
    return warn(id, about, found, "set pid: host and cgroup: host in the Compose file");
}

}  // namespace

Checks judge_docker(const DockerFacts& docker) {
    Checks out;
    if (docker.error) {
        out.push_back(judge_error(docker));
        return out;
    }
    out.push_back(ok("docker.socket", "Docker", "answers on " + docker.socket));
    out.push_back(ok("docker.version", "Docker version",
                     docker.version.version + ", API " + docker.api + " (it offers up to " +
                         docker.version.api_version + ")"));
    out.push_back(judge_driver(docker.info));
    if (!docker.containers_error.empty()) {
        out.push_back(warn("docker.containers", "containers", docker.containers_error,
                           "try again; see journalctl -u docker"));
    }
    out.push_back(judge_visibility(docker));
    return out;
}

}  // namespace governor::cli::doctor
