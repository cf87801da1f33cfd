// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_message.hpp"

#include "governor/publish/render.hpp"

#include <nlohmann/json.hpp>

#include <chrono>

namespace governor::http {
namespace {

using nlohmann::json;

std::string action_of(const publish::Record& record) {
    const bool graceful = record.type == "restart_finished" && record.event &&
                          record.event->outcome == policies::Outcome::kGraceful;
    return graceful ? "graceful_restart" : record.type;
}

docker::Labels labels_of(const publish::Subject& subject) {
    if (subject.labels) return *subject.labels;
    // What is known of them without Docker: enough for the usual filters.
    docker::Labels labels;
    if (subject.project.empty()) return labels;
    labels["com.docker.compose.project"] = subject.project;
    labels["com.docker.compose.service"] = subject.service;
    if (subject.number != 0) labels["com.docker.compose.container-number"] = std::to_string(subject.number);
    return labels;
}

/// Attributes are texts: a quantity is its text, an object's fields get its name before theirs.
void flatten(const json& value, const std::string& key, docker::Labels& out) {
    if (value.is_null()) {
        out[key] = "unlimited";
    } else if (value.is_string()) {
        out[key] = value.get<std::string>();
    } else if (value.is_object() && value.contains("text")) {
        flatten(value.at("text"), key, out);
    } else if (value.is_object()) {
        for (const auto& [name, part] : value.items()) flatten(part, key + "." + name, out);
    } else {
        out[key] = value.dump(-1, ' ', false, json::error_handler_t::replace);
    }
}

/// All that to_json() tells and Docker's form has no place for, so that what is added there is here too.
void add_reason(const publish::Record& record, docker::Labels& out) {
    const json told = publish::to_json(record);
    for (const auto& [key, value] : told.items()) {
        if (key == "container" || key == "time") continue;
        if (key == "id") {
            flatten(value, "governor.event_id", out);
        } else if (key == "reason") {
            flatten(value, "governor", out);
        } else {
            flatten(value, "governor." + key, out);
        }
    }
}

std::string to_line(const docker::Event& event) {
    constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
    // In Docker's order, with the older clients' names first.
    nlohmann::ordered_json out;
    if (event.type == "container") {
        out["status"] = event.action;
        out["id"] = event.actor_id;
        const auto image = event.attributes.find("image");
        if (image != event.attributes.end()) out["from"] = image->second;
    }
    out["Type"] = event.type;
    out["Action"] = event.action;
    out["Actor"]["ID"] = event.actor_id;
    out["Actor"]["Attributes"] = event.attributes;
    out["scope"] = event.scope;
    out["time"] = event.time_nano / kNanosPerSecond;
    out["timeNano"] = event.time_nano;
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

StreamedEvent to_docker_event(const publish::Record& record, const DaemonName& daemon) {
    StreamedEvent out;
    const publish::Subject& subject = record.subject;
    docker::Event& event = out.event;
    event.action = action_of(record);
    event.scope = "local";
    event.time_nano =
        std::chrono::duration_cast<std::chrono::nanoseconds>(record.time.time_since_epoch()).count();
    if (subject.id.empty()) {
        event.type = "daemon";
        event.actor_id = daemon.id;
        event.attributes["name"] = daemon.name;
    } else {
        event.type = "container";
        event.actor_id = subject.id;
        event.attributes = labels_of(subject);
        if (!subject.image.empty()) event.attributes["image"] = subject.image;
        event.attributes["name"] = subject.name;
    }
    add_reason(record, event.attributes);
    out.line = to_line(event);
    out.governor_id = record.sequence;
    return out;
}

}  // namespace governor::http
