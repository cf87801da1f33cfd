// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_message.hpp"

#include "governor/publish/render.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <utility>

namespace governor::http {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string action_of(const json& told) {
    std::string type = text_at(told, "type");
    return type == "restart_finished" && text_at(told, "outcome") == "graceful" ? "graceful_restart" : type;
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

/// All that the event tells and Docker's form has no place for, so that what is added there is here too.
void add_reason(const json& told, docker::Labels& out) {
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

docker::Labels compose_labels(const json& told) {
    docker::Labels labels;
    const std::string project = text_at(told, "project");
    if (project.empty()) return labels;
    labels["com.docker.compose.project"] = project;
    labels["com.docker.compose.service"] = text_at(told, "service");
    const auto container = told.find("container");
    if (container != told.end() && container->contains("number"))
        labels["com.docker.compose.container-number"] = container->at("number").dump();
    return labels;
}

StreamedEvent to_docker_event(const json& told, std::chrono::system_clock::time_point time,
                              docker::Labels labels, const DaemonName& daemon) {
    StreamedEvent out;
    docker::Event& event = out.event;
    event.action = action_of(told);
    event.scope = "local";
    event.time_nano = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    const auto found = told.find("container");
    const json container = found != told.end() && found->is_object() ? *found : json::object();
    event.actor_id = text_at(container, "id");
    if (event.actor_id.empty()) {
        event.type = "daemon";
        event.actor_id = daemon.id;
        event.attributes["name"] = daemon.name;
    } else {
        event.type = "container";
        event.attributes = std::move(labels);
        if (const std::string image = text_at(container, "image"); !image.empty())
            event.attributes["image"] = image;
        event.attributes["name"] = text_at(container, "name");
    }
    add_reason(told, event.attributes);
    out.line = to_line(event);
    if (const auto id = told.find("id"); id != told.end() && id->is_number_unsigned())
        out.governor_id = id->get<std::uint64_t>();
    return out;
}

StreamedEvent to_docker_event(const publish::Record& record, const DaemonName& daemon) {
    const json told = publish::to_json(record);
    return to_docker_event(told, record.time,
                           record.subject->labels ? record.subject->labels->unpack() : compose_labels(told),
                           daemon);
}

}  // namespace governor::http
