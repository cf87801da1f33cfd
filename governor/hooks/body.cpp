// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/body.hpp"

#include "governor/hooks/alert_kinds.hpp"
#include "governor/hooks/template.hpp"
#include "governor/hooks/wording.hpp"
#include "governor/http/docker_message.hpp"
#include "governor/publish/render.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace governor::hooks {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kJson = "application/json";
/// Slack shows a few thousand characters of an attachment, and nobody reads more at night.
constexpr std::size_t kSlackDetail = 2000;
constexpr std::size_t kSlackValue = 300;

std::string dump(const ordered_json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// For a path of a URI: a host's name is whatever somebody set.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (kPlain.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kHex[byte / kHex.size()];
        out += kHex[byte % kHex.size()];
    }
    return out;
}

Body cloudevent(const journal::Stored& stored, const Origin& origin) {
    const json event = event_of(stored);
    ordered_json out;
    out["specversion"] = "1.0";
    out["id"] = std::to_string(stored.id);
    out["source"] = "/governor/" + percent_encoded(origin.host);
    out["type"] = "org.jobmate.governor." + stored.type;
    if (!stored.service.empty()) {
        out["subject"] = stored.project.empty() ? stored.service : stored.project + "/" + stored.service;
    } else if (!stored.container.empty()) {
        out["subject"] = stored.container;
    }
    out["time"] = publish::rfc3339(stored.time);
    out["datacontenttype"] = kJson;
    out["data"] = event;
    return {dump(out), "application/cloudevents+json"};
}

/// Slack's three: without it a name such as <!channel> would call everybody.
std::string slack_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string slack_colour(const json& event) {
    const auto kind = alert_kind(event);
    if (kind && kind->severity == Severity::kCritical) return "danger";
    if (kind && kind->severity == Severity::kWarning) return "warning";
    constexpr std::array<std::string_view, 9> kGood{
        "restart_finished", "breaker_released",  "recycled",     "hold_released", "available_again",
        "docker_connected", "journal_recovered", "host_at_ease", "reserved"};
    if (std::ranges::find(kGood, text_at(event, "type")) != kGood.end()) return "good";
    return "#439FE0";
}

std::string with_spaces(std::string text) {
    std::ranges::replace(text, '_', ' ');
    return text;
}

ordered_json slack_fields(const json& event) {
    ordered_json out = ordered_json::array();
    const auto add = [&out](const char* title, std::string value, bool brief) {
        if (value.empty()) return;
        out.push_back(
            {{"title", title}, {"value", slack_text(cut(std::move(value), kSlackValue))}, {"short", brief}});
    };
    add("Why", why(event), false);
    add("Verdict", with_spaces(text_at(event, "verdict")), true);
    add("Process", culprit(event), true);
    add("Outcome", with_spaces(text_at(event, "outcome")), true);
    add("Exit code", text_at(event, "exit_code"), true);
    add("Cause", text_at(event, "cause"), true);
    add("File", text_at(event, "file"), true);
    add("Container", text_at(event, "container.name"), true);
    add("Policy", text_at(event, "policy"), true);
    return out;
}

Body slack(const journal::Stored& stored, const Origin& origin) {
    const json event = event_of(stored);
    ordered_json attachment;
    attachment["color"] = slack_colour(event);
    attachment["fallback"] = slack_text(who(event) + ": " + what(event));
    if (const std::string detail = cut(text_at(event, "detail"), kSlackDetail); !detail.empty())
        attachment["text"] = slack_text(detail);
    attachment["fields"] = slack_fields(event);
    attachment["footer"] = slack_text("governor " + origin.version + " on " + origin.host + ", event " +
                                      std::to_string(stored.id));
    attachment["ts"] =
        std::chrono::duration_cast<std::chrono::seconds>(stored.time.time_since_epoch()).count();
    ordered_json out;
    out["text"] = "*" + slack_text(who(event)) + "*: " + slack_text(what(event));
    out["attachments"].push_back(std::move(attachment));
    return {dump(out), kJson};
}

Body docker(const journal::Stored& stored, const Origin& origin) {
    const json event = event_of(stored);
    // The daemon's own id is not in the journal; its name is the host's.
    return {http::to_docker_event(event, stored.time, http::compose_labels(event), {"", origin.host}).line,
            kJson};
}

}  // namespace

Body render_body(const policies::Webhook& webhook, const journal::Stored& event, const Origin& origin) {
    using policies::HookFormat;
    switch (webhook.format) {
        case HookFormat::kCloudevents:
            return cloudevent(event, origin);
        case HookFormat::kSlack:
            return slack(event, origin);
        case HookFormat::kDocker:
            return docker(event, origin);
        case HookFormat::kTemplate:
            return {fill_template(webhook.body, event_of(event), is_json_type(webhook.content_type)),
                    webhook.content_type};
        case HookFormat::kEvent:
        case HookFormat::kAlertmanager:
            break;
    }
    return {event.json, kJson};
}

}  // namespace governor::hooks
