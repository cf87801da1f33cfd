// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_filter.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace governor::http {
namespace {

using nlohmann::json;

/// Keys that name an object: each value may be the beginning of its id or of its name.
constexpr std::array<std::string_view, 9> kNamed{"daemon",  "container", "plugin", "volume", "network",
                                                 "service", "node",      "secret", "config"};
/// Actions with a detail ("exec_create: pg_isready"): asked for without it, they match all the same.
constexpr std::array<std::string_view, 3> kDetailed{"health_status", "exec_create", "exec_start"};

constexpr const char* kInvalid = "invalid filter";

using Values = std::map<std::string, bool, std::less<>>;

/// {"oom":true}; null is no value.
std::optional<Values> read_set(const json& value) {
    Values out;
    if (value.is_null()) return out;
    if (!value.is_object()) return std::nullopt;
    for (const auto& [text, wanted] : value.items()) {
        if (!wanted.is_boolean()) return std::nullopt;
        out[text] = wanted.get<bool>();
    }
    return out;
}

/// ["oom"]
std::optional<Values> read_list(const json& value) {
    Values out;
    if (value.is_null()) return out;
    if (!value.is_array()) return std::nullopt;
    for (const auto& text : value) {
        if (!text.is_string()) return std::nullopt;
        out[text.get<std::string>()] = true;
    }
    return out;
}

std::string_view attribute(const docker::Labels& attributes, std::string_view key) {
    const auto found = attributes.find(key);
    return found == attributes.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace

tl::expected<DockerFilter, std::string> DockerFilter::parse(std::string_view text) {
    DockerFilter filter;
    if (text.empty()) return filter;
    const json document = json::parse(text, nullptr, false);
    if (document.is_null()) return filter;
    if (!document.is_object()) return tl::make_unexpected(kInvalid);
    // One document has one of the two forms throughout.
    for (const auto& read : {read_set, read_list}) {
        bool good = true;
        for (const auto& [key, value] : document.items()) {
            auto values = read(value);
            good = good && values;
            if (values) filter.fields_[key] = std::move(*values);
        }
        if (good) return filter;
    }
    return tl::make_unexpected(kInvalid);
}

const DockerFilter::Values* DockerFilter::values_of(std::string_view key) const {
    const auto found = fields_.find(key);
    return found == fields_.end() || found->second.empty() ? nullptr : &found->second;
}

bool DockerFilter::is_exactly(std::string_view key, std::string_view text) const {
    const Values* values = values_of(key);
    if (values == nullptr) return true;
    const auto found = values->find(text);
    return found != values->end() && found->second;
}

bool DockerFilter::begins_with(std::string_view key, std::string_view text) const {
    const Values* values = values_of(key);
    if (values == nullptr) return true;
    return std::ranges::any_of(*values, [text](const auto& value) { return text.starts_with(value.first); });
}

bool DockerFilter::matches_action(const docker::Event& event) const {
    const Values* values = values_of("event");
    if (values == nullptr) return true;
    const bool any_detail =
        std::ranges::any_of(kDetailed, [values](std::string_view name) { return values->contains(name); });
    return any_detail ? begins_with("event", event.action) : is_exactly("event", event.action);
}

bool DockerFilter::matches_image(const docker::Event& event) const {
    const std::string_view name = attribute(event.attributes, event.type == "image" ? "name" : "image");
    return is_exactly("image", event.actor_id) || is_exactly("image", name) ||
           is_exactly("image", image_without_tag(event.actor_id)) ||
           is_exactly("image", image_without_tag(name));
}

bool DockerFilter::matches_labels(const docker::Labels& attributes) const {
    const Values* values = values_of("label");
    if (values == nullptr) return true;
    return std::ranges::all_of(*values, [&attributes](const auto& value) {
        const std::string_view wanted = value.first;
        const auto equals = wanted.find('=');
        const auto found = attributes.find(wanted.substr(0, equals));
        if (found == attributes.end()) return false;
        return equals == std::string_view::npos || found->second == wanted.substr(equals + 1);
    });
}

bool DockerFilter::matches(const docker::Event& event) const {
    const std::string_view name = attribute(event.attributes, "name");
    return matches_action(event) && is_exactly("type", event.type) && is_exactly("scope", event.scope) &&
           std::ranges::all_of(kNamed,
                               [&](std::string_view key) {
                                   return begins_with(key, event.actor_id) || begins_with(key, name);
                               }) &&
           matches_image(event) && matches_labels(event.attributes);
}

std::string image_without_tag(std::string_view image) {
    constexpr std::size_t kIdLength = 64;
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (image.size() == kIdLength && std::ranges::all_of(image, is_hex)) return std::string(image);
    image = image.substr(0, image.find('@'));
    const auto slash = image.rfind('/');
    const auto colon = image.rfind(':');
    // A colon before the last slash is that of a registry's port.
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash))
        image = image.substr(0, colon);
    for (const std::string_view registry : {"index.docker.io/", "docker.io/"})
        if (image.starts_with(registry)) {
            image.remove_prefix(registry.size());
            if (image.starts_with("library/")) image.remove_prefix(std::string_view("library/").size());
            break;
        }
    return std::string(image);
}

}  // namespace governor::http
