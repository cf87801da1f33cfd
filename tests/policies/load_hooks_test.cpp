// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/event_fields.hpp"
#include "policies/event_names.hpp"
#include "policies/hook_template.hpp"
#include "policies/http_text.hpp"
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

#include <set>

// `hooks`: whom to tell of what.
namespace policies::testing {
namespace {

std::optional<std::string> secrets(std::string_view name) {
    if (name == "ALERT_URL") return "https://alerts.example.org:8443/hook?token=hunter2";
    if (name == "TOKEN" || name == "HOOK_SECRET") return "hunter2";
    if (name == "BAD_URL") return "ftp://alerts.example.org/hunter2";
    if (name == "USER_URL") return "https://me:hunter2@alerts.example.org/";
    if (name == "BROKEN") return "hunter2\r\nX-Other: hunter2";
    if (name == "TEMPLATE") return "{{ hunter2 }}";
    return std::nullopt;
}

std::string hooks(const std::string& items) {
    return "version: 1\nhooks:\n" + items;
}

/// One hook in line 3, with these further keys.
std::string hook(const std::string& keys) {
    return hooks("  - { on: armed, " + keys + " }\n");
}
std::string webhook(const std::string& keys) {
    return hook("webhook: { " + keys + " }");
}

void expect_in_hook(const std::string& keys, std::string_view part) {
    expect_error(hook(keys), part, 3, secrets);
}
void expect_in_webhook(const std::string& keys, std::string_view part) {
    expect_error(webhook("url: \"http://a/\", " + keys), part, 3, secrets);
}

constexpr const char* kEverything = R"(
version: 1
hooks:
  - on: [oom_verdict, restart_finished, "breaker_*"]
    name: pager
    service: [ai-*]
    webhook:
      url: "${ALERT_URL}"
      format: alertmanager
      headers: { Authorization: "Bearer ${TOKEN}", X-Key: { file: /run/secrets/key } }
      hmac: { secret: "${HOOK_SECRET}", header: X-Signed }
      ca_file: /etc/governor/ca.pem
      timeout: 5s
      resend: 2m
      resolve_after: 10m
    retry: { from: 2s, to: 10m, give_up: 12h }
  - on: "*"
    webhook:
      url_file: /run/secrets/alert-url
      template: '{"text": "{{ service }}: {{type}} {{ reason.measured.text }}"}'
      content_type: text/plain; charset=utf-8
      hmac: { secret_file: /run/secrets/hmac }
  - on: hook_undelivered
    exec: { command: [/etc/governor/hooks/page.sh, --urgent], timeout: 10m }
)";

TEST(LoadHooks, ReadsEveryKey) {
    const auto result = load_text(kEverything, secrets);
    ASSERT_TRUE(result.policy) << all_of(result);
    EXPECT_EQ(all_of(result), "");
    ASSERT_EQ(result.policy->hooks.size(), 3U);
    const Hook pager{
        .name = "pager",
        .on = {"oom_verdict", "restart_finished", "breaker_*"},
        .service = {"ai-*"},
        .target = Webhook{.url = {"https://alerts.example.org:8443/hook?token=hunter2", ""},
                          .format = HookFormat::kAlertmanager,
                          .body = {},
                          .headers = {{"Authorization", {"Bearer hunter2", ""}},
                                      {"X-Key", {"", "/run/secrets/key"}}},
                          .hmac = HookSignature{.secret = {"hunter2", ""}, .header = "X-Signed"},
                          .ca_file = "/etc/governor/ca.pem",
                          .timeout = milliseconds(5'000),
                          .resend = milliseconds(120'000),
                          .resolve_after = milliseconds(600'000)},
        .retry = {
            .from = milliseconds(2'000), .to = milliseconds(600'000), .give_up = milliseconds(43'200'000)}};
    EXPECT_EQ(result.policy->hooks[0], pager);
    const Hook own{
        .name = "webhook-2",
        .on = {"*"},
        .service = {},
        .target = Webhook{.url = {"", "/run/secrets/alert-url"},
                          .format = HookFormat::kTemplate,
                          .body = R"({"text": "{{ service }}: {{type}} {{ reason.measured.text }}"})",
                          .content_type = "text/plain; charset=utf-8",
                          .headers = {},
                          .hmac = HookSignature{.secret = {"", "/run/secrets/hmac"}},
                          .ca_file = {}},
        .retry = {}};
    EXPECT_EQ(result.policy->hooks[1], own);
    const Hook page{.name = "exec-3",
                    .on = {"hook_undelivered"},
                    .service = {},
                    .target = ExecHook{.command = {"/etc/governor/hooks/page.sh", "--urgent"},
                                       .timeout = milliseconds(600'000)},
                    .retry = {}};
    EXPECT_EQ(result.policy->hooks[2], page);
}

TEST(LoadHooks, HasTheDocumentedDefaults) {
    const auto result = load_text(webhook("url: \"http://[::1]:9093\""));
    ASSERT_TRUE(result.policy) << all_of(result);
    const auto& read = result.policy->hooks.at(0);
    EXPECT_EQ(
        std::get<Webhook>(read.target),
        (Webhook{.url = {"http://[::1]:9093", ""}, .body = {}, .headers = {}, .hmac = {}, .ca_file = {}}));
    EXPECT_EQ(read.retry, HookRetry{});
    EXPECT_TRUE(load_text(matched_worker("")).policy->hooks.empty());
}

TEST(LoadHooks, PutsTheFilesTogetherInOrder) {
    const auto one = hooks("  - { on: armed, exec: { command: [/bin/a] } }\n");
    const auto two = hooks(
        "  - { on: armed, webhook: { url: \"http://b/\" } }\n  - { on: armed, name: c, exec: { command: "
        "[/bin/c] } }\n");
    const auto result =
        load({{"a.yaml", one}, {"b.yaml", matched_worker("")}, {"c.yaml", two}}, no_environment);
    ASSERT_TRUE(result.policy) << all_of(result);
    std::vector<std::string> names;
    for (const auto& each : result.policy->hooks) names.push_back(each.name);
    EXPECT_EQ(names, (std::vector<std::string>{"exec-1", "webhook-2", "c"}));
    EXPECT_EQ(result.policy->services.size(), 1U);
}

TEST(LoadHooks, NamesAreUniqueAcrossFiles) {
    const auto named = hooks("  - { on: armed, name: pager, exec: { command: [/bin/a] } }\n");
    const auto twice = load({{"a.yaml", named}, {"b.yaml", named}}, no_environment);
    EXPECT_FALSE(twice.policy);
    ASSERT_EQ(twice.diagnostics.size(), 1U) << all_of(twice);
    EXPECT_EQ(twice.diagnostics[0].file, "b.yaml");
    EXPECT_EQ(twice.diagnostics[0].line, 3);
    EXPECT_EQ(twice.diagnostics[0].column, 24);
    EXPECT_EQ(twice.diagnostics[0].message, "a hook named 'pager' exists already, at a.yaml:3:24");
    // In one file too, and with a name that another has by default.
    expect_error(hooks("  - { on: armed, name: exec-2, exec: { command: [/bin/a] } }\n"
                       "  - { on: armed, exec: { command: [/bin/b] } }\n"),
                 "a hook named 'exec-2' exists already, at policy.yaml:3:24", 4);
}

TEST(LoadHooks, WantsAListOfHooks) {
    expect_error("version: 1\nhooks: []\n", "a list belongs here, but it is empty", 2);
    expect_error("version: 1\nhooks:\n", "'hooks' has no value", 2);
    expect_error("version: 1\nhooks: { on: armed }\n", "a list belongs here, not keys and values", 2);
    expect_error(hooks("  - armed\n"), "keys and values belong here", 3);
    expect_error(hooks("  - { exec: { command: [/bin/a] } }\n"), "'on' is missing", 3);
    expect_error(hooks("  - { on: armed }\n"), "neither 'webhook' nor 'exec'", 3);
    expect_in_hook("webhook: { url: \"http://a/\" }, exec: { command: [/bin/a] }",
                   "both 'webhook' and 'exec'");
    expect_in_hook("exec: { command: [/bin/a] }, retyr: {}", "did you mean 'retry'?");
    expect_in_hook("exec: { command: [/bin/a] }, url: x", "'url' belongs to hooks[].webhook");
    expect_error(matched_worker("    hooks: []\n"), "'hooks' belongs to the top level", 5);
}

TEST(LoadHooks, ChecksNamesAndServices) {
    const std::string exec = "exec: { command: [/bin/a] }, ";
    expect_in_hook(exec + "name: \"a b\"", "'a b' cannot be a hook's name");
    expect_in_hook(exec + "name: " + std::string(64, 'a'), "at most 63");
    expect_in_hook(exec + "service: \"w[0-9\"", "'[' is not closed");
    expect_in_hook(exec + "service: []", "the list is empty");
    EXPECT_TRUE(load_text(hook(exec + "service: worker")).policy);
}

TEST(LoadHooks, KnowsEveryTypeOfEvent) {
    const auto on = [](const std::string& written) {
        return hooks("  - { on: " + written + ", exec: { command: [/bin/a] } }\n");
    };
    for (const auto name : event_type_names()) EXPECT_TRUE(load_text(on(std::string(name))).policy) << name;
    EXPECT_TRUE(load_text(on("[\"oom_*\", \"*\", journal_degraded]")).policy);
    expect_error(on("oom_kiled"), "did you mean 'oom_killed'?", 3);
    expect_error(on("[armed, breaker-opened]"), "'breaker-opened' matches no type of event", 3);
    expect_error(on("\"ooom_*\""), "matches no type of event", 3);
    expect_error(on("wild_guess_of_mine"), "known are: armed, oom_near", 3);
    expect_error(on("[]"), "the list is empty", 3);
    const std::set<std::string_view> unique(event_type_names().begin(), event_type_names().end());
    EXPECT_EQ(unique.size(), event_type_names().size());
    EXPECT_TRUE(unique.contains("drift_storm") && unique.contains("hook_failing"));
}

TEST(LoadHooks, ChecksUrls) {
    const auto expect_url = [](const std::string& url, std::string_view part) {
        expect_error(webhook("url: \"" + url + "\""), part, 3, secrets);
    };
    expect_url("ftp://a/", "must begin with http:// or https://");
    expect_url("", "must begin with http:// or https://");
    expect_url("https://", "the URL has no host");
    expect_url("https://:80/", "the URL has no host");
    expect_url("https://a:0/", "port is not a number from 1 to 65535");
    expect_url("https://a:https/", "port is not a number");
    expect_url("https://me:pass@a/", "credentials belong in a header");
    expect_url("https://a/#part", "fragment");
    expect_url("https://a/ b", "percent-encoded");
    expect_url("https://a/\\r\\nX: y", "percent-encoded");
    expect_url("${MISSING}", "the environment variable MISSING is not set");
    expect_error(webhook("format: slack"), "'webhook' has neither 'url' nor 'url_file'", 3);
    expect_in_webhook("url_file: /a", "'webhook' has both 'url' and 'url_file'");
    expect_error(webhook("url_file: secrets/url"), "not the absolute path of a file", 3);
    EXPECT_EQ(url_problem("http://a.b:80/c?d=e"), "");
}

TEST(LoadHooks, ChecksFormatsAndWhatGoesWithThem) {
    expect_in_webhook("format: slak", "did you mean 'slack'?");
    expect_in_webhook("format: template", "leave 'format' out and write the text");
    expect_in_webhook("format: event, template: x", "'format' and 'template' are both given");
    expect_in_webhook("content_type: text/plain", "'content_type' has no meaning without a template");
    expect_in_webhook("template: x, content_type: json", "'json' is not a content type");
    expect_in_webhook("template: x, content_type: \"a/b\\r\\nX: y\"", "is not a content type");
    expect_in_webhook("resend: 60s", "'resend' has no meaning but for format: alertmanager");
    expect_in_webhook("format: slack, resolve_after: 60s", "'resolve_after' has no meaning but");
    expect_in_webhook("format: alertmanager, resend: 9s", "'9s' is too short: here the least is 10s");
    expect_in_webhook("format: alertmanager, resend: 61m", "is too long: here the most is 1h");
    expect_in_webhook("timeout: 99ms", "'99ms' is too short: here the least is 100ms");
    expect_in_webhook("timeout: 61s", "here the most is 1m");
    expect_in_webhook("ca_file: ca.pem", "not the absolute path of a file");
    for (const std::string format : {"event", "alertmanager", "cloudevents", "slack", "docker"})
        EXPECT_TRUE(load_text(webhook("url: \"http://a/\", format: " + format)).policy) << format;
}

TEST(LoadHooks, ChecksTemplates) {
    expect_in_webhook("template: \"\"", "the template is empty");
    expect_in_webhook("template: \"a {{ service\"", "the template has '{{' without its '}}'");
    expect_in_webhook("template: \"{{ a {{ service }}\"", "the template has '{{' without its '}}'");
    expect_in_webhook("template: \"{{ }}\"", "that is no field's name");
    expect_in_webhook("template: \"{{ a b }}\"", "that is no field's name");
    expect_in_webhook("template: \"{{ servcie }}\"", "did you mean 'service'?");
    expect_in_webhook("template: \"{{ rss }}\"", "did you mean 'victim.rss'?");
    expect_in_webhook("template: \"{{ x.y.z }} {{ x.y.z }}\"",
                      "the template names 'x.y.z', which no event has");
    expect_in_webhook("template: \"{{ reason }}\"", "the template names 'reason'");
    expect_in_webhook("template: \"" + std::string(65537, 'a') + "\"", "more than 64KiB");
    for (const auto name : event_field_names())
        EXPECT_TRUE(
            load_text(webhook("url: \"http://a/\", template: \"{{" + std::string(name) + "}}\"")).policy)
            << name;
}

TEST(LoadHooks, TakesTemplatesApart) {
    using Parts = std::vector<TemplatePart>;
    EXPECT_EQ(parse_template("").value, Parts{});
    EXPECT_EQ(parse_template("a } b }} { c").value, (Parts{{"a } b }} { c", false}}));
    EXPECT_EQ(parse_template("{{id}}{{\n victim.comm\t}}.").value,
              (Parts{{"id", true}, {"victim.comm", true}, {".", false}}));
    EXPECT_EQ(parse_template(R"({"a":{"b":"{{type}}"}})").value,
              (Parts{{R"({"a":{"b":")", false}, {"type", true}, {R"("}})", false}}));
    EXPECT_FALSE(parse_template("{{"));
    EXPECT_FALSE(parse_template("{{{ a }}"));
}

TEST(LoadHooks, ChecksHeaders) {
    expect_in_webhook("headers: {}", "'headers' has no header");
    expect_in_webhook("headers: [ \"X-Key: a\" ]", "keys and values belong here");
    expect_in_webhook("headers: { \"X Key\": a }", "this cannot be a header's name");
    expect_in_webhook("headers: { \"X-Key: a\": b }", "this cannot be a header's name");
    for (const std::string name :
         {"Host", "content-length", "Transfer-Encoding", "Connection", "Content-Type"})
        expect_in_webhook("headers: { " + name + ": a }", "the header '" + name + "' is the governor's own");
    expect_in_webhook("headers: { X-Key: a, x-key: b }", "the header 'x-key' is given twice; first at");
    expect_in_webhook("headers: { X-Key: \"a\\nb\" }", "a line break or another control character");
    expect_in_webhook("headers: { X-Key: }", "the value is missing");
    expect_in_webhook("headers: { X-Key: {} }", "the header has no value");
    expect_in_webhook("headers: { X-Key: { fiel: /a } }", "did you mean 'file'?");
    expect_in_webhook("headers: { X-Key: { file: a } }", "not the absolute path of a file");
}

TEST(LoadHooks, ChecksSignatures) {
    expect_in_webhook("hmac: {}", "'hmac' has neither 'secret' nor 'secret_file'");
    expect_in_webhook("hmac: { secret: a, secret_file: /a }", "'hmac' has both 'secret' and 'secret_file'");
    expect_in_webhook("hmac: { secret: \"\" }", "the secret is empty");
    expect_in_webhook("hmac: { secret: \"${TOKEN}\\n\" }", "this cannot be the secret");
    expect_in_webhook("hmac: { secret_file: a }", "not the absolute path of a file");
    expect_in_webhook("hmac: { secret: a, header: \"X:\" }", "this cannot be a header's name");
    expect_in_webhook("hmac: { secret: a, header: host }", "the header 'host' is the governor's own");
    expect_in_webhook("hmac: { secret: a, header: X-A }, headers: { x-a: b }",
                      "'x-a' is among 'headers' too");
}

TEST(LoadHooks, ChecksCommands) {
    expect_in_hook("exec: {}", "'exec' does not say what to run");
    expect_in_hook("exec: /bin/a", "keys and values belong here");
    expect_in_hook("exec: { command: /bin/a }", "a list belongs here");
    expect_in_hook("exec: { command: [] }", "a list belongs here, but it is empty");
    expect_in_hook("exec: { command: [page.sh] }", "by its absolute path");
    expect_in_hook("exec: { command: [\"/bin/a\", \"b\\0\"] }", "NUL");
    expect_in_hook("exec: { command: [/bin/a], timeout: 11m }", "here the most is 10m");
}

TEST(LoadHooks, ChecksRetries) {
    const auto expect_retry = [](const std::string& retry, std::string_view part) {
        expect_in_hook("exec: { command: [/bin/a] }, retry: { " + retry + " }", part);
    };
    expect_retry("from: 10m", "'from' of 10m is above 'to' of 5m");
    expect_retry("to: 7h", "'to' of 7h is above 'give_up' of 6h");
    expect_retry("give_up: 1m", "'to' of 5m is above 'give_up' of 1m");
    expect_retry("from: 0s", "must be more than 0");
    expect_retry("give_up: 6", "6");
    EXPECT_TRUE(
        load_text(hook("exec: { command: [/bin/a] }, retry: { from: 1m, to: 1m, give_up: 1m }")).policy);
}

/// Whatever else is wrong, a secret is in no diagnostic: neither one from a variable nor one written out.
TEST(LoadHooks, ShowsNoSecret) {
    const std::string url = "url: \"${ALERT_URL}\", ";
    const std::vector<std::string> files{
        webhook("url: \"${BAD_URL}\""),
        webhook("url: \"${USER_URL}\""),
        webhook("url: \"http://a/#${TOKEN}\""),
        webhook("url: [\"${ALERT_URL}\"]"),
        webhook("url: \"${ALERT_URL}\", url_file: \"${TOKEN}\""),
        webhook(url + "headers: { Authorization: \"${BROKEN}\" }"),
        webhook(url + "headers: { Authorization: { file: \"${TOKEN}\" } }"),
        webhook(url + "hmac: { secret: \"${BROKEN}\" }"),
        webhook(url + "template: \"${TEMPLATE}\""),
        webhook(url + "format: slack, resend: 60s"),
        // Written out, and something is wrong with it or beside it.
        webhook("url: \"ftp://a/hunter2\""),
        webhook("url: \"https://me:hunter2@a/\""),
        webhook("ulr: \"https://a/hunter2\""),
        webhook("\"https://a/hunter2\""),
        webhook("url: \"https://a/${MISSING:-hunter2}\", timeout: 1h"),
        webhook("url: \"https://a/${hunter2 }\""),
        webhook(url + "headers: { Authorization: Bearer hunter2, Host: a }"),
        webhook(url + "headers: [ \"Authorization: Bearer hunter2\" ]"),
        webhook(url + "headers: { \"Authorization: Bearer hunter2\": a }"),
        webhook(url + "headers: { Authorization: { flie: hunter2 } }"),
        webhook(url + "hmac: hunter2"),
        webhook(url + "hmac: { secret: hunter2, secert: a }"),
        webhook(url + "hmac: { secert: hunter2 }"),
        hook("url: \"https://a/hunter2\""),
        hook("webhook: \"https://a/hunter2\""),
        hook("webhook: [ { url: \"https://a/hunter2\" } ]"),
        "version: 1\nhooks: { url: \"https://a/hunter2\" }\n",
        hooks("  - webhook: { url: \"https://a/\n      hunter2\", timeout: 1h }\n"),
        hooks("  - webhook:\n      hmac: { secret: >-\n"
              "        hunter2 }\n"),
    };
    for (const auto& file : files) {
        const auto result = load_text(file, secrets);
        EXPECT_FALSE(result.policy) << file;
        EXPECT_EQ(all_of(result).find("hunter2"), std::string::npos) << file << all_of(result);
    }
    // Where the line has variables only, it is shown.
    const auto shown = load_text(webhook("url: \"${BAD_URL}\""), secrets);
    EXPECT_NE(all_of(shown).find("url: \"${BAD_URL}\""), std::string::npos) << all_of(shown);
}

}  // namespace
}  // namespace policies::testing
