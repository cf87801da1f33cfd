// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/event_fields.hpp"
#include "policies/hook_template.hpp"
#include "policies/http_text.hpp"
#include "policies/readers.hpp"
#include "policies/suggest.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

// URLs, header values and HMAC secrets may be secret, also where a variable put them: no message quotes one,
// and no line is shown that has one written out.
namespace policies {
namespace {

constexpr milliseconds kShortestTimeout{100};
constexpr milliseconds kLongestTimeout{60'000};
constexpr milliseconds kShortestResend{10'000};
constexpr milliseconds kLongestResend = std::chrono::hours(1);

constexpr std::size_t kLongestTemplate = std::size_t{64} << 10U;

/// What a `format` can be, in the order of HookFormat; `template` is not one of the words.
constexpr std::array<std::string_view, 5> kFormats{"event", "alertmanager", "cloudevents", "slack", "docker"};

bool is_plain(std::string_view key) {
    static constexpr std::array<std::string_view, 8> kPlain{
        "url_file", "format", "template", "content_type", "ca_file", "timeout", "resend", "resolve_after"};
    return std::ranges::find(kPlain, key) != kPlain.end();
}

void read_path(YamlReader& reader, const YamlNode& node, std::string& out) {
    auto path = reader.text(node);
    if (!path) return;
    if (!path->starts_with('/') || !header_value_problem(*path).empty()) {
        reader.error(node.at, "this is not the absolute path of a file",
                     "for example: /run/secrets/alert-url");
        return;
    }
    out = std::move(*path);
}

/// For a text that may be given itself or in a file.
void expect_one(YamlReader& reader, const YamlNode& node, std::string_view object, std::string_view key,
                std::string_view example) {
    if (node.kind != YamlNode::Kind::kMap) return;
    const auto in_file = std::string(key) + "_file";
    const bool written = find_key(node, key) != nullptr;
    if (written != (find_key(node, in_file) != nullptr)) return;
    reader.error(node.at,
                 "'" + std::string(object) + "' has " + (written ? "both '" : "neither '") +
                     std::string(key) + (written ? "' and '" : "' nor '") + in_file + "'",
                 written ? "keep one of the two" : "for example: " + std::string(example));
}

void read_url(YamlReader& reader, const YamlNode& node, WebhookDraft& out) {
    auto url = reader.text(node);
    if (!url) return;
    if (auto problem = url_problem(*url); !problem.empty()) {
        reader.error(node.at, std::move(problem),
                     url->find('@') == std::string::npos
                         ? "for example: https://alerts.example.org/hook"
                         : "credentials belong in a header: headers: { Authorization: \"Bearer ${TOKEN}\" }");
        return;
    }
    out.webhook.url.text = std::move(*url);
}

void read_format(YamlReader& reader, const YamlNode& node, WebhookDraft& out) {
    const auto errors_before = reader.errors();
    if (node.text == "template") {
        reader.error(node.at, "'template' is no format by itself",
                     "leave 'format' out and write the text: template: '{\"text\": \"{{ type }}\"}'");
    } else if (const auto index = reader.choice(node, kFormats)) {
        out.webhook.format = static_cast<HookFormat>(*index);
    }
    out.format_clean = reader.errors() == errors_before;
}

/// The field that was probably meant: by its spelling, or by its last word if only one ends so.
std::optional<std::string_view> meant(std::string_view name) {
    const auto names = event_field_names();
    if (const auto near = nearest(name, names)) return near;
    const auto suffix = "." + std::string(name);
    const auto ends = [&](std::string_view each) { return each.ends_with(suffix); };
    if (std::ranges::count_if(names, ends) != 1) return std::nullopt;
    return *std::ranges::find_if(names, ends);
}

void check_field(YamlReader& reader, const YamlNode& node, const std::string& name) {
    const auto names = event_field_names();
    if (std::ranges::find(names, std::string_view(name)) != names.end()) return;
    // What a variable brought in is not quoted.
    const bool written = node.text.find(name) != std::string::npos;
    const auto near = written ? meant(name) : std::nullopt;
    reader.error(node.at,
                 written ? "the template names '" + name.substr(0, 80) + "', which no event has"
                         : "the template names a field that no event has",
                 near ? "did you mean '" + std::string(*near) + "'?" : "known are: " + joined(names));
}

void read_template(YamlReader& reader, const YamlNode& node, WebhookDraft& out) {
    out.webhook.format = HookFormat::kTemplate;
    auto text = reader.text(node);
    if (!text) return;
    if (text->empty()) return reader.error(node.at, "the template is empty");
    if (text->size() > kLongestTemplate) return reader.error(node.at, "the template has more than 64KiB");
    auto parsed = parse_template(*text);
    if (!parsed) return reader.error(node.at, "the template " + parsed.message, std::move(parsed.hint));
    std::unordered_set<std::string_view> told;
    for (const auto& part : *parsed.value) {
        if (part.field && told.insert(part.text).second) check_field(reader, node, part.text);
    }
    out.webhook.body = std::move(*text);
}

void read_content_type(YamlReader& reader, const YamlNode& node, WebhookDraft& out) {
    auto type = reader.text(node);
    if (!type) return;
    if (!is_content_type(*type)) {
        reader.error(node.at, YamlReader::named(node, *type) + " is not a content type",
                     "for example: application/json or text/plain; charset=utf-8");
        return;
    }
    out.webhook.content_type = std::move(*type);
}

void read_header_value(YamlReader& reader, const YamlNode& node, SecretText& out) {
    if (node.kind == YamlNode::Kind::kMap) {
        read_fields(reader, node, header_value_fields(), out);
        if (node.entries.empty())
            reader.error(node.at, "the header has no value", "give it a text, or { file: PATH }");
        return;
    }
    auto value = reader.text(node);
    if (!value) return;
    if (auto problem = header_value_problem(*value); !problem.empty()) {
        reader.error(node.at, "this cannot be a header's value: " + problem);
        return;
    }
    out.text = std::move(*value);
}

void read_headers(YamlReader& reader, const YamlNode& node, WebhookDraft& out) {
    if (!reader.expect_map(node, "headers: { Authorization: \"Bearer ${TOKEN}\" }")) return;
    if (node.entries.empty()) reader.error(node.at, "'headers' has no header");
    std::unordered_map<std::string, Position> seen;
    for (const auto& entry : node.entries) {
        if (auto problem = header_name_problem(entry.key); !problem.empty()) {
            // Perhaps "Name: value" in one pair of quotes.
            reader.hide(entry.at);
            reader.error(entry.at, std::move(problem), "a name of one's own, as in X-Key: \"${KEY}\"");
            continue;
        }
        const YamlReader::Inside inside(reader, entry.key);
        const auto [first, is_new] = seen.emplace(lower_case(entry.key), entry.at);
        if (!is_new) {
            reader.error(entry.at, "the header '" + entry.key + "' is given twice; first at " +
                                       reader.lines().place(first->second));
        }
        auto& header = out.webhook.headers.emplace_back();
        header.name = entry.key;
        read_header_value(reader, *entry.value, header.value);
    }
}

void read_secret(YamlReader& reader, const YamlNode& node, HookSignature& out) {
    auto secret = reader.text(node);
    if (!secret) return;
    // Anybody could sign with an empty one.
    if (secret->empty()) return reader.error(node.at, "the secret is empty");
    if (auto problem = header_value_problem(*secret); !problem.empty())
        return reader.error(node.at, "this cannot be the secret: " + problem);
    out.secret.text = std::move(*secret);
}

void read_signature_header(YamlReader& reader, const YamlNode& node, HookSignature& out) {
    auto name = reader.text(node);
    if (!name) return;
    if (auto problem = header_name_problem(*name); !problem.empty())
        return reader.error(node.at, std::move(problem), "the default is X-Governor-Signature");
    out.header = std::move(*name);
}

void read_hmac(YamlReader& reader, const YamlNode& node, WebhookDraft& out) {
    auto& signature = out.webhook.hmac.emplace();
    read_fields(reader, node, hmac_fields(), signature);
    expect_one(reader, node, "hmac", "secret", hmac_fields().table.example);
}

/// What one key means for another.
void check_webhook(YamlReader& reader, const YamlNode& node, const WebhookDraft& draft) {
    const auto* text = find_key(node, "template");
    if (const auto* format = find_key(node, "format"); format && text && draft.format_clean) {
        reader.error(format->at, "'format' and 'template' are both given: a template is a format of its own",
                     "keep one of the two");
    }
    if (const auto* type = find_key(node, "content_type"); type && text == nullptr) {
        reader.error(type->at, "'content_type' has no meaning without a template: each format has its own",
                     "remove it");
    }
    const bool alerts = draft.webhook.format == HookFormat::kAlertmanager || !draft.format_clean;
    for (const std::string_view key : {"resend", "resolve_after"}) {
        if (const auto* value = find_key(node, key); value && !alerts) {
            reader.error(value->at, "'" + std::string(key) + "' has no meaning but for format: alertmanager",
                         "remove it, or write format: alertmanager");
        }
    }
    const auto* hmac = find_key(node, "hmac");
    if (hmac == nullptr || !draft.webhook.hmac) return;
    const auto signed_in = lower_case(draft.webhook.hmac->header);
    for (const auto& header : draft.webhook.headers) {
        if (lower_case(header.name) != signed_in) continue;
        reader.error(place_of(*hmac, {"header"}),
                     "the signature's header '" + header.name + "' is among 'headers' too",
                     "give the signature a header of its own");
    }
}

}  // namespace

const Fields<SecretText>& header_value_fields() {
    static constexpr std::array<Field<SecretText>, 1> kFields{{
        {"file", [](YamlReader& r, const YamlNode& n, SecretText& out) { read_path(r, n, out.file); }},
    }};
    static const auto table = make_fields<SecretText>("header_value", "hooks[].webhook.headers.<name>",
                                                      "{ file: /run/secrets/key }", kFields);
    return table;
}

const Fields<HookSignature>& hmac_fields() {
    static constexpr std::array<Field<HookSignature>, 3> kFields{{
        {"secret", read_secret},
        {"secret_file",
         [](YamlReader& r, const YamlNode& n, HookSignature& out) { read_path(r, n, out.secret.file); }},
        {"header", read_signature_header},
    }};
    static const auto table =
        make_fields<HookSignature>("hmac", "hooks[].webhook.hmac", "{ secret: \"${HOOK_SECRET}\" }", kFields);
    return table;
}

const Fields<WebhookDraft>& webhook_fields() {
    using Draft = WebhookDraft;
    static constexpr std::array<Field<Draft>, 11> kFields{{
        {"url", read_url},
        {"url_file",
         [](YamlReader& r, const YamlNode& n, Draft& out) { read_path(r, n, out.webhook.url.file); }},
        {"format", read_format},
        {"template", read_template},
        {"content_type", read_content_type},
        {"headers", read_headers},
        {"hmac", read_hmac},
        {"ca_file",
         [](YamlReader& r, const YamlNode& n, Draft& out) { read_path(r, n, out.webhook.ca_file); }},
        {"timeout",
         [](YamlReader& r, const YamlNode& n, Draft& out) {
             r.duration(n, out.webhook.timeout, kShortestTimeout, kLongestTimeout);
         }},
        {"resend", [](YamlReader& r, const YamlNode& n,
                      Draft& out) { r.duration(n, out.webhook.resend, kShortestResend, kLongestResend); }},
        {"resolve_after",
         [](YamlReader& r, const YamlNode& n, Draft& out) { r.duration(n, out.webhook.resolve_after); }},
    }};
    static const auto table =
        make_fields<Draft>("webhook", "hooks[].webhook", "{ url: \"${ALERT_URL}\", format: slack }", kFields);
    return table;
}

void read_webhook(YamlReader& reader, const YamlNode& node, Webhook& out) {
    for (const auto& entry : node.entries) {
        // A key that is written wrong may have been meant for a secret.
        if (!is_plain(entry.key)) reader.hide(*entry.value);
    }
    WebhookDraft draft;
    read_fields(reader, node, webhook_fields(), draft);
    if (node.kind != YamlNode::Kind::kMap) return;
    expect_one(reader, node, "webhook", "url", webhook_fields().table.example);
    check_webhook(reader, node, draft);
    out = std::move(draft.webhook);
}

}  // namespace policies
