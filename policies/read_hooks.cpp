// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/event_names.hpp"
#include "policies/readers.hpp"
#include "policies/suggest.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

constexpr milliseconds kLongestExec = std::chrono::minutes(10);

/// A misspelt type would never be told: the page would stay silent in the very night it was written for.
void check_event(YamlReader& reader, const YamlNode& node, const std::string& pattern) {
    const auto names = event_type_names();
    const auto known = [&](std::string_view name) { return glob_matches(pattern, name); };
    if (std::ranges::any_of(names, known)) return;
    const auto near = nearest(pattern, names);
    reader.error(node.at, YamlReader::named(node, pattern) + " matches no type of event",
                 near ? "did you mean '" + std::string(*near) + "'?" : "known are: " + joined(names));
}

void read_on(YamlReader& reader, const YamlNode& node, HookDraft& out) {
    const auto errors_before = reader.errors();
    std::vector<std::string> patterns;
    read_globs(reader, node, patterns);
    if (reader.errors() != errors_before) return;
    for (std::size_t i = 0; i < patterns.size(); ++i)
        check_event(reader, node.items.empty() ? node : *node.items[i], patterns[i]);
    out.hook.on = std::move(patterns);
}

void read_name(YamlReader& reader, const YamlNode& node, HookDraft& out) {
    out.named = true;
    out.at = node.at;
    auto name = reader.text(node);
    if (!name) return;
    if (!is_policy_name(*name)) {
        reader.error(node.at, YamlReader::named(node, *name) + " cannot be a hook's name", kNameHint);
        return;
    }
    out.hook.name = std::move(*name);
}

void read_command(YamlReader& reader, const YamlNode& node, ExecHook& out) {
    // A string would need a shell to take it apart.
    if (!reader.expect_list(node, "[ /etc/governor/hooks/page.sh, --urgent ]")) return;
    const auto errors_before = reader.errors();
    std::vector<std::string> command;
    reader.strings(node, command);
    if (reader.errors() != errors_before) return;
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (command[i].find('\0') != std::string::npos)
            reader.error(node.items[i]->at, "an argument cannot have a NUL byte in it");
    }
    // What PATH finds depends on how the governor was started.
    if (!command.front().starts_with('/')) {
        reader.error(node.items.front()->at, "the program must be given by its absolute path",
                     "for example: command: [ /etc/governor/hooks/page.sh, --urgent ]");
    }
    if (reader.errors() == errors_before) out.command = std::move(command);
}

void read_exec_hook(YamlReader& reader, const YamlNode& node, HookDraft& out) {
    ++out.targets;
    ExecHook exec;
    read_fields(reader, node, exec_hook_fields(), exec);
    if (node.kind == YamlNode::Kind::kMap && find_key(node, "command") == nullptr) {
        reader.error(node.at, "'exec' does not say what to run",
                     "for example: exec: " + std::string(exec_hook_fields().table.example));
    }
    out.hook.target = std::move(exec);
}

void read_webhook_target(YamlReader& reader, const YamlNode& node, HookDraft& out) {
    ++out.targets;
    read_webhook(reader, node, out.hook.target.emplace<Webhook>());
}

void read_retry(YamlReader& reader, const YamlNode& node, HookDraft& out) {
    HookRetry retry;
    if (!read_fields(reader, node, retry_fields(), retry)) return;
    if (retry.from > retry.to) {
        reader.error(place_of(node, {"from"}),
                     "'from' of " + to_string(retry.from) + " is above 'to' of " + to_string(retry.to),
                     "the wait grows from the first to the second");
    }
    if (retry.to > retry.give_up) {
        reader.error(place_of(node, {"to"}),
                     "'to' of " + to_string(retry.to) + " is above 'give_up' of " + to_string(retry.give_up),
                     "it would be given up before the wait ever was that long");
    }
    out.hook.retry = retry;
}

/// Below these keys, and below none that is written wrong, stands no secret.
bool is_plain(std::string_view key) {
    static constexpr std::array<std::string_view, 5> kPlain{"on", "name", "service", "exec", "retry"};
    return std::ranges::find(kPlain, key) != kPlain.end();
}

void hide_secrets(YamlReader& reader, const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kMap) return reader.hide(node);
    for (const auto& entry : node.entries) {
        const bool map = entry.value->kind == YamlNode::Kind::kMap;
        // What is in a webhook, its reader knows.
        if (is_plain(entry.key) || (entry.key == "webhook" && map)) continue;
        reader.hide(*entry.value);
    }
}

void read_hook(YamlReader& reader, const YamlNode& node, HookDraft& out) {
    hide_secrets(reader, node);
    out.at = node.at;
    read_fields(reader, node, hook_fields(), out);
    if (node.kind != YamlNode::Kind::kMap) return;
    if (find_key(node, "on") == nullptr) {
        reader.error(node.at, "'on' is missing: the hook does not say which events to tell of",
                     "for example: on: [ oom_verdict, restart_finished, breaker_opened ]");
    }
    const bool webhook = find_key(node, "webhook") != nullptr;
    const bool exec = find_key(node, "exec") != nullptr;
    if (webhook == exec) {
        reader.error(node.at,
                     webhook ? "the hook has both 'webhook' and 'exec'"
                             : "the hook has neither 'webhook' nor 'exec': it does not say whom to tell",
                     webhook ? "make two hooks of it"
                             : "for example: webhook: " + std::string(webhook_fields().table.example));
    }
}

}  // namespace

const Fields<ExecHook>& exec_hook_fields() {
    static constexpr std::array<Field<ExecHook>, 2> kFields{{
        {"command", read_command},
        {"timeout",
         [](YamlReader& r, const YamlNode& n, ExecHook& out) { r.duration(n, out.timeout, kLongestExec); }},
    }};
    static const auto table = make_fields<ExecHook>(
        "exec_hook", "hooks[].exec", "{ command: [ /etc/governor/hooks/page.sh ], timeout: 10s }", kFields);
    return table;
}

const Fields<HookRetry>& retry_fields() {
    static constexpr std::array<Field<HookRetry>, 3> kFields{{
        {"from", [](YamlReader& r, const YamlNode& n, HookRetry& out) { r.duration(n, out.from); }},
        {"to", [](YamlReader& r, const YamlNode& n, HookRetry& out) { r.duration(n, out.to); }},
        {"give_up", [](YamlReader& r, const YamlNode& n, HookRetry& out) { r.duration(n, out.give_up); }},
    }};
    static const auto table =
        make_fields<HookRetry>("retry", "hooks[].retry", "{ from: 1s, to: 5m, give_up: 6h }", kFields);
    return table;
}

const Fields<HookDraft>& hook_fields() {
    static constexpr std::array<Field<HookDraft>, 6> kFields{{
        {"on", read_on},
        {"name", read_name},
        {"service",
         [](YamlReader& r, const YamlNode& n, HookDraft& out) { read_globs(r, n, out.hook.service); }},
        {"webhook", read_webhook_target},
        {"exec", read_exec_hook},
        {"retry", read_retry},
    }};
    static const auto table = make_fields<HookDraft>(
        "hook", "hooks[]", "{ on: [ oom_verdict ], webhook: { url: \"${ALERT_URL}\" } }", kFields);
    return table;
}

void read_hooks(YamlReader& reader, const YamlNode& node, std::deque<HookDraft>& out) {
    if (node.kind != YamlNode::Kind::kList) reader.hide(node);
    if (!reader.expect_list(node, "hooks: [ " + std::string(hook_fields().table.example) + " ]")) return;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        const YamlReader::Inside inside(reader, "[" + std::to_string(i) + "]");
        read_hook(reader, *node.items[i], out.emplace_back());
    }
}

}  // namespace policies
