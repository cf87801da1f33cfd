// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Whom to tell: the `hooks` of a policy, after they were checked (docs/hooks.md). The YAML keys have the
/// members' names, unless a comment says otherwise.
namespace policies {

/// A text that may be a secret: it stands in the policy (usually as `${NAME}`), or in a file that is read at
/// every use, so that a rotated secret needs no reload. Exactly one of the two is set. It must appear in no
/// log, error, answer or diagnostic.
struct SecretText {
    std::string text;
    std::string file;
    bool operator==(const SecretText&) const = default;
};

enum class HookFormat : std::uint8_t {
    kEvent,         ///< `event`: the event as `governor events --json` has it
    kAlertmanager,  ///< `alertmanager`: alerts of its API v2, sent again until they are resolved
    kCloudevents,   ///< `cloudevents`: CloudEvents 1.0, structured JSON
    kSlack,         ///< `slack`: an incoming webhook of Slack, and what takes the same
    kDocker,        ///< `docker`: the event as the Engine's /events has it
    kTemplate,      ///< a text of one's own: follows from the key `template`
};

struct HookHeader {
    std::string name;
    SecretText value;
    bool operator==(const HookHeader&) const = default;
};

/// HMAC-SHA256 of the body, in a header of the request as "sha256=<hex>".
struct HookSignature {
    SecretText secret;  ///< keys `secret` or `secret_file`
    std::string header = "X-Governor-Signature";
    bool operator==(const HookSignature&) const = default;
};

struct Webhook {
    SecretText url;  ///< http:// or https://; keys `url` or `url_file`
    HookFormat format = HookFormat::kEvent;
    std::string body;                               ///< key `template`: {{ field }} is filled in
    std::string content_type = "application/json";  ///< of a template's request
    std::vector<HookHeader> headers;                ///< a map: Name: text, or Name: { file: PATH }
    std::optional<HookSignature> hmac;
    std::string ca_file;  ///< PEM; empty: the system's certificates
    std::chrono::milliseconds timeout{10'000};
    std::chrono::milliseconds resend{60'000};  ///< alertmanager: how often a firing alert is sent again
    std::chrono::milliseconds resolve_after{
        300'000};  ///< alertmanager: so long after the recovery it is resolved
    bool operator==(const Webhook&) const = default;
};

struct ExecHook {
    std::vector<std::string> command;  ///< a program's absolute path and its arguments; no shell
    std::chrono::milliseconds timeout{10'000};
    bool operator==(const ExecHook&) const = default;
};

/// The wait doubles from `from` to `to`; after `give_up` of failing an event is undelivered for good.
struct HookRetry {
    std::chrono::milliseconds from{1'000};
    std::chrono::milliseconds to{300'000};
    std::chrono::milliseconds give_up{21'600'000};
    bool operator==(const HookRetry&) const = default;
};

struct Hook {
    std::string name;  ///< as a policy's name; default: "webhook-1", "exec-2" in the order of the files
    std::vector<std::string> on;  ///< event types, or globs on them
    std::vector<std::string>
        service;  ///< globs on the event's service; empty: all, also events without a service
    std::variant<Webhook, ExecHook> target;  ///< key `webhook` or `exec`
    HookRetry retry;
    bool operator==(const Hook&) const = default;
};

}  // namespace policies
