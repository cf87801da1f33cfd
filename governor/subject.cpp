// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/subject.hpp"

#include <string_view>

namespace governor {
namespace {

publish::Subject make(std::string id, std::string name, std::string image, const docker::Compose& compose) {
    publish::Subject subject;
    subject.id = std::move(id);
    subject.project = compose.project;
    subject.service = compose.service.empty() ? name : compose.service;
    subject.number = compose.number;
    subject.name = std::move(name);
    subject.image = std::move(image);
    return subject;
}

std::string attribute(const docker::Event& event, std::string_view key) {
    const auto found = event.attributes.find(key);
    return found == event.attributes.end() ? std::string() : found->second;
}

}  // namespace

publish::Subject subject_of(const docker::ContainerDetails& details) {
    auto subject = make(details.id, details.name, details.image, details.compose());
    subject.labels = std::make_shared<const publish::PackedLabels>(details.labels);
    return subject;
}

publish::Subject subject_of(const docker::Event& event) {
    auto subject = make(event.actor_id, attribute(event, "name"), attribute(event, "image"),
                        docker::compose_of(event.attributes));
    // The labels, and what Docker adds to them in its events.
    docker::Labels labels = event.attributes;
    for (const char* key : {"name", "image", "exitCode", "signal", "execID", "oldName", "execDuration"})
        labels.erase(key);
    subject.labels = std::make_shared<const publish::PackedLabels>(labels);
    return subject;
}

}  // namespace governor
