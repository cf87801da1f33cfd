// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/wording.hpp"

#include "governor/publish/render.hpp"
#include "governor/publish/words.hpp"
#include "policies/bytes.hpp"
#include "policies/diagnostics.hpp"
#include "policies/quantity.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace governor::hooks {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

json event_of(const journal::Stored& stored) {
    json event = json::parse(stored.json, nullptr, false);
    if (event.is_object()) return event;
    event = {{"id", stored.id}, {"time", publish::rfc3339(stored.time)}, {"type", stored.type}};
    if (!stored.project.empty()) event["project"] = stored.project;
    if (!stored.service.empty()) event["service"] = stored.service;
    if (!stored.container.empty()) event["container"]["name"] = stored.container;
    return event;
}

const json* find_path(const json& event, std::string_view path) {
    const json* at = &event;
    while (at->is_object()) {
        const auto dot = path.find('.');
        const auto found = at->find(std::string(path.substr(0, dot)));
        if (found == at->end()) return nullptr;
        at = &*found;
        if (dot == std::string_view::npos) return at;
        path.remove_prefix(dot + 1);
    }
    return nullptr;
}

std::string text_at(const json& event, std::string_view path) {
    const json* value = find_path(event, path);
    if (value == nullptr || value->is_null()) return {};
    if (value->is_object()) return text_at(*value, "text");
    return value->is_string() ? policies::printable(value->get<std::string>()) : dump(*value);
}

std::string who(const json& event) {
    std::string out = text_at(event, "service");
    if (out.empty()) out = text_at(event, "container.name");
    if (out.empty()) return "governor";
    if (const std::string project = text_at(event, "project"); !project.empty()) out = project + "/" + out;
    return out;
}

std::string what(const json& event) {
    const std::string type = text_at(event, "type");
    std::string out(publish::headline(type));
    if (!out.empty()) return out;
    out = type;
    std::ranges::replace(out, '_', ' ');
    return out;
}

std::string why(const json& event) {
    const auto words = publish::words_of(text_at(event, "reason.rule"));
    std::string out(words.subject);
    if (out.empty()) return out;
    const std::string measured = text_at(event, "reason.measured");
    const std::string threshold = text_at(event, "reason.threshold");
    if (!measured.empty()) out += " " + measured;
    if (!threshold.empty()) out.append(" (").append(words.limit).append(" ").append(threshold).append(")");
    const json* window = find_path(event, "reason.window_ms");
    if (window != nullptr && window->is_number()) {
        const auto nanos = std::chrono::duration_cast<policies::Duration>(
            std::chrono::duration<double, std::milli>(window->get<double>()));
        out += " within " + policies::to_string(nanos);
    }
    return out;
}

std::string culprit(const json& event) {
    const std::string comm = text_at(event, "victim.comm");
    if (comm.empty()) return {};
    std::string out = comm + " (pid " + text_at(event, "victim.pid");
    const json* rss = find_path(event, "victim.rss");
    if (rss != nullptr && rss->is_number_unsigned())
        out += ", " + to_string(policies::Bytes{rss->get<std::uint64_t>()});
    return out + ")";
}

std::string cut(std::string text, std::size_t most) {
    constexpr std::string_view kMissing = "…";
    if (text.size() <= most) return text;
    std::size_t end = most > kMissing.size() ? most - kMissing.size() : 0;
    // Bytes 10xxxxxx go on with a character.
    constexpr unsigned kContinued = 0xC0U;
    constexpr unsigned kContinues = 0x80U;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & kContinued) == kContinues) --end;
    text.resize(end);
    return text.append(kMissing);
}

}  // namespace governor::hooks
