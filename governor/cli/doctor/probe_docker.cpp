// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/limit_path.hpp"
#include "cgroup/process.hpp"
#include "governor/act/survey.hpp"
#include "governor/cli/doctor/probe.hpp"
#include "governor/docker/client.hpp"
#include "governor/http/client.hpp"
#include "governor/policy_files.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <utility>

namespace governor::cli::doctor {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kCallTimeout{5};
/// For all containers together: a doctor that hangs with Docker helps nobody.
constexpr std::chrono::seconds kContainersTime{10};

struct Visit {
    docker::Client client;
    DockerFacts facts;
};

asio::awaitable<void> look_at_containers(std::shared_ptr<Visit> visit) {
    const auto deadline = Clock::now() + kContainersTime;
    const auto list = co_await visit->client.list_containers(false, {}, kCallTimeout);
    if (!list) {
        visit->facts.containers_error = list.error().message;
        co_return;
    }
    for (const auto& summary : *list) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            visit->facts.containers_error =
                "Docker is slow: not all " + std::to_string(list->size()) + " containers were looked at";
            co_return;
        }
        auto details = co_await visit->client.inspect(summary.id, left);
        if (details) {
            visit->facts.containers.emplace_back().details = std::move(*details);
        } else if (details.error().kind != docker::Error::Kind::kNotFound) {
            visit->facts.containers_error = details.error().message;
        }
    }
}

asio::awaitable<void> visit_docker(std::shared_ptr<Visit> visit) {
    auto& facts = visit->facts;
    auto version = co_await visit->client.negotiate();
    if (!version) {
        facts.error = std::move(version.error());
        co_return;
    }
    facts.version = std::move(*version);
    facts.api = visit->client.api_version();
    auto info = co_await visit->client.info(kCallTimeout);
    if (!info) {
        facts.error = std::move(info.error());
        co_return;
    }
    facts.info = std::move(*info);
    co_await look_at_containers(visit);
}

void look_at_pid1(ContainerFacts& container, const cgroups::Processes& processes) {
    const auto pid = static_cast<int>(container.details.state.pid);
    if (pid <= 0) return;
    if (auto path = processes.cgroup_path(pid)) container.pid1_cgroup = std::move(*path);
    if (const auto status = processes.signal_status(pid)) container.pid1 = *status;
}

/// Bounded: a container with more processes is no pool that one of them leaks in.
void read_processes(ContainerFacts& container, const std::string& mount,
                    const cgroups::Processes& processes) {
    constexpr std::size_t kMost = 256;
    const auto directory = cgroups::Directory::open(mount + container.pid1_cgroup);
    if (!directory) return;
    for (const int pid : directory->pids().value_or(std::vector<int>{})) {
        if (pid <= 0 || container.processes.size() == kMost) continue;
        auto look = processes.look(pid);
        if (!look) continue;
        look->command_line = processes.command_line(pid);
        container.processes.push_back(act::memory_of(*look));
        if (const auto signals = processes.signal_status(pid)) container.signals.emplace(pid, *signals);
    }
}

void read_limits_above(ContainerFacts& container, const std::string& mount) {
    cgroups::LimitTree tree(mount);
    const auto first = tree.above(mount + container.pid1_cgroup);
    for (cgroups::LimitNode* node = first.get(); node != nullptr; node = node->parent()) {
        node->refresh(1);
        const policies::Bytes limit{node->limit().value};
        if (limit != policies::kUnlimited && (!container.limit_above || limit < container.limit_above->limit))
            container.limit_above = LimitAbove{node->name(), limit, node->by_high()};
        const policies::Bytes swap{node->swap_limit().value};
        if (swap != policies::kUnlimited && (!container.swap_above || swap < container.swap_above->limit))
            container.swap_above = LimitAbove{node->name(), swap};
    }
}

}  // namespace

DockerFacts probe_docker(const std::string& socket, const std::string& proc) {
    asio::io_context loop;
    docker::ClientOptions options;
    options.timeout = kCallTimeout;
    auto visit = std::make_shared<Visit>(Visit{docker::Client(loop.get_executor(), socket, options), {}});
    visit->facts.socket = socket;
    asio::co_spawn(loop, visit_docker(visit), asio::detached);
    loop.run();
    const cgroups::Processes processes(proc);
    for (auto& container : visit->facts.containers) look_at_pid1(container, processes);
    return std::move(visit->facts);
}

DaemonFacts probe_daemon(const std::string& socket) {
    http::Client::Options options;
    options.timeout = std::chrono::seconds(2);
    const auto answer = http::Client(socket, options).get("/v1/version");
    if (!answer) return {{}, answer.error()};
    const auto body = nlohmann::json::parse(answer->body, nullptr, false);
    if (body.is_object() && body.contains("version") && body["version"].is_string())
        return {body["version"].get<std::string>(), {}};
    return {{}, "what answers on " + socket + " is not a governor"};
}

Facts probe(const RunOptions& options) {
    Facts facts;
    facts.host = probe_host(options.proc, options.sys, options.cgroup_mount);
    facts.docker = probe_docker(options.docker_socket, options.proc);
    // With the cgroupfs driver systemd does not know the containers' cgroups.
    if (!facts.docker.error && facts.docker.info.cgroup_driver == "systemd")
        facts.systemd = probe_systemd({});
    for (ContainerFacts& container : facts.docker.containers) {
        if (container.pid1_cgroup.empty() || !facts.host.hierarchy) continue;
        const std::string& mount = facts.host.hierarchy->mount;
        read_limits_above(container, mount);
        read_processes(container, mount, cgroups::Processes(options.proc));
        auto levels = cgroups::read_protection(mount, mount + container.pid1_cgroup);
        if (levels) container.protection = std::move(*levels);
    }
    facts.policies = load_policy_files(options.policies);
    facts.daemon = probe_daemon(options.socket);
    return facts;
}

}  // namespace governor::cli::doctor
