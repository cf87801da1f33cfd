// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/error.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The parts of the Engine API's answers that the governor reads, and pure functions that read them from JSON
// text. All of them are lenient about what is missing or null (the default stays) and strict about wrong
// types (an error of kind kProtocol that names the field), because a field of another type means another API.
namespace governor::docker {

using Labels = std::map<std::string, std::string, std::less<>>;

/// What Compose says about a container in its labels.
struct Compose {
    std::string project;  ///< empty when Compose did not make the container
    std::string service;
    int number = 0;       ///< 1-based replica; 0 when unknown
    bool oneoff = false;  ///< `docker compose run`: not part of the running service
};
/// Also takes an event's attributes, which hold all labels of the container.
Compose compose_of(const Labels& labels);

struct Version {
    std::string version;  ///< of the engine: "26.1.5"
    std::string api_version;
    std::string min_api_version;
    std::string kernel_version;
};

struct Info {
    std::string id;
    std::string name;
    std::string cgroup_driver;   ///< "systemd", "cgroupfs" or "none"
    std::string cgroup_version;  ///< "1" or "2"
    std::vector<std::string> warnings;
    std::vector<std::string> security_options;
    std::int64_t mem_total = 0;  ///< bytes
};

/// Of all that the list says, what is needed to find who to inspect: it may have thousands.
struct ContainerSummary {
    std::string id;
    std::string state;      ///< "running", "exited", …
    std::string name = {};  ///< without the leading slash; empty when the list has none
};

struct ContainerState {
    std::string status;  ///< "created", "running", "paused", "restarting", "removing", "exited", "dead"
    bool running = false;
    bool paused = false;
    bool restarting = false;
    bool oom_killed = false;  ///< a hint only: true also when a child was killed and the container lives on
    std::int64_t pid = 0;     ///< on the host; 0 when not running
    std::int64_t exit_code = 0;
    std::string started_at;  ///< RFC 3339, see parse_time()
    std::string finished_at;
    std::string health;  ///< "healthy", "unhealthy", "starting"; empty without a health check
};

struct HostConfig {
    std::int64_t memory = 0;              ///< bytes; 0 is no limit
    std::int64_t memory_swap = 0;         ///< bytes of memory and swap together; -1 is no limit
    std::int64_t memory_reservation = 0;  ///< bytes
    std::string cgroup_parent;
    std::string restart_policy;  ///< "", "no", "always", "unless-stopped", "on-failure"
    std::int64_t restart_max_retries = 0;
    Labels annotations;
    std::int64_t oom_score_adj = 0;
    std::string network_mode;  ///< "bridge", "host", a network's name or "container:<id>"
    std::string pid_mode;      ///< "", "host" or "container:<id>"
    std::string ipc_mode;      ///< "", "private", "shareable", "host" or "container:<id>"
};

struct ContainerDetails {
    std::string id;
    std::string name;   ///< without the leading slash
    std::string image;  ///< as it was asked for: "postgres:16"
    Labels labels;
    ContainerState state;
    HostConfig host_config;
    std::string stop_signal;  ///< empty: SIGTERM
    std::optional<std::chrono::seconds>
        stop_timeout;  ///< absent: the engine's default, 10 s; negative: waits for ever
    std::int64_t restart_count = 0;
    std::map<std::string, std::string, std::less<>>
        networks;  ///< name -> IPv4 address; empty when not connected

    Compose compose() const { return compose_of(labels); }
};

/// A namespace that a container has from another one, as its HostConfig says.
struct JoinedNamespace {
    std::string_view kind;  ///< "network", "pid" or "ipc"; static storage
    std::string container;  ///< id, as Docker stores it; it also takes an id's beginning and a name
};
/// What Docker's "container:…" modes say; empty for nearly every container.
std::vector<JoinedNamespace> joined_namespaces(const HostConfig& config);
/// Whether such a `container` means the container with this id and name.
bool is_joined(std::string_view container, std::string_view id, std::string_view name);

struct Event {
    std::string type;      ///< "container", "image", "network", …
    std::string action;    ///< as sent: "die", "exec_create: pg_isready", "health_status: healthy"
    std::string actor_id;  ///< the container's id
    Labels attributes;  ///< the container's labels, image, name, and what the action adds (exitCode, signal)
    std::int64_t time_nano = 0;
    std::string scope = {};  ///< "local" or "swarm"

    /// The part of the action before ':': "exec_create". Valid as long as the event.
    std::string_view action_name() const;
    /// What follows "exec_create: " or "health_status: "; empty for plain actions. Valid as long as the
    /// event.
    std::string_view action_detail() const;
};

struct ExecState {
    bool running = false;
    std::optional<int> exit_code;
};

Result<Version> parse_version(std::string_view json);
Result<Info> parse_info(std::string_view json);
Result<std::vector<ContainerSummary>> parse_container_list(std::string_view json);
Result<ContainerDetails> parse_container(std::string_view json);
Result<Event> parse_event(std::string_view json);
Result<ExecState> parse_exec(std::string_view json);
/// The "Id" of a created object.
Result<std::string> parse_id(std::string_view json);
/// The "Warnings" of an update; usually none.
Result<std::vector<std::string>> parse_warnings(std::string_view json);

/// Docker's timestamps ("2024-05-01T10:20:30.123456789Z", also with an offset). `nullopt` for the zero time
/// "0001-01-01T00:00:00Z" (never happened), for what does not fit nanoseconds, and for anything malformed.
std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> parse_time(std::string_view text);

}  // namespace governor::docker
