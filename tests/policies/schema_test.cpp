// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/fields.hpp"
#include "policies/policy.hpp"
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace policies::testing {
namespace {

nlohmann::json schema() {
    return nlohmann::json::parse(json_schema());
}

/// The objects of the schema that have fixed keys, each with them.
std::map<std::string, std::set<std::string>> schema_objects() {
    const auto document = schema();
    std::map<std::string, std::set<std::string>> objects;
    for (const auto& [name, definition] : document.at("$defs").items()) {
        if (!definition.contains("properties")) continue;
        auto& keys = objects[name];
        for (const auto& [key, ignored] : definition.at("properties").items()) keys.insert(key);
    }
    return objects;
}

TEST(Schema, HasTheLoadersKeysAndNoOthers) {
    std::map<std::string, std::set<std::string>> loader;
    for (const auto& table : key_tables()) {
        auto& keys = loader[std::string(table.object)];
        for (const auto key : table.keys) keys.emplace(key);
    }
    EXPECT_EQ(loader, schema_objects());
}

TEST(Schema, LetsNoUnknownKeyThrough) {
    const auto document = schema();
    for (const auto& [name, definition] : document.at("$defs").items()) {
        if (!definition.contains("properties")) continue;
        EXPECT_EQ(definition.value("additionalProperties", true), false) << name;
    }
}

TEST(Schema, RefersOnlyToWhatItHas) {
    const auto document = schema();
    EXPECT_EQ(document.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
    std::vector<nlohmann::json> open{document};
    std::size_t references = 0;
    while (!open.empty()) {
        const auto node = open.back();
        open.pop_back();
        if (node.is_object() && node.contains("$ref")) {
            ++references;
            const auto target = node.at("$ref").get<std::string>();
            ASSERT_EQ(target.front(), '#') << target;
            EXPECT_TRUE(document.contains(nlohmann::json::json_pointer(target.substr(1)))) << target;
        }
        if (node.is_structured()) open.insert(open.end(), node.begin(), node.end());
    }
    EXPECT_GT(references, 30U);
}

TEST(Schema, DescribesEveryKey) {
    const auto document = schema();
    for (const auto& [name, definition] : document.at("$defs").items()) {
        if (!definition.contains("properties")) continue;
        for (const auto& [key, property] : definition.at("properties").items()) {
            auto target = property;
            while (!target.contains("description") && target.contains("$ref")) {
                target =
                    document.at(nlohmann::json::json_pointer(target.at("$ref").get<std::string>().substr(1)));
            }
            EXPECT_TRUE(target.contains("description")) << name << "." << key;
        }
    }
}

/// All that was not needed to make a hook at all is at its default.
void expect_default_hooks(const std::vector<Hook>& hooks) {
    ASSERT_EQ(hooks.size(), 4U);
    Webhook plain;
    plain.url.text = "http://a/";
    Webhook alerts = plain;
    alerts.format = HookFormat::kAlertmanager;
    Webhook own = plain;
    own.format = HookFormat::kTemplate;
    own.body = "x";
    plain.hmac.emplace().secret.text = "x";
    EXPECT_EQ(std::get<Webhook>(hooks[0].target), plain);
    EXPECT_EQ(hooks[0].retry, HookRetry{});
    EXPECT_EQ(std::get<Webhook>(hooks[1].target), alerts);
    EXPECT_EQ(std::get<Webhook>(hooks[2].target), own);
    EXPECT_EQ(std::get<ExecHook>(hooks[3].target), ExecHook{.command = {"/bin/true"}});
}

/// The defaults that an editor shows must be those that the loader gives.
TEST(Schema, HasTheLoadersDefaults) {
    const auto document = schema();
    const auto& definitions = document.at("$defs");
    std::string text = matched_worker("");
    const auto block = [&](const std::string& indent, const std::string& object) {
        for (const auto& [key, property] : definitions.at(object).at("properties").items()) {
            if (!property.contains("default")) continue;
            const auto& value = property.at("default");
            text +=
                indent + key + ": " + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
        }
    };
    const auto block_of = [&](const std::string& indent, const std::string& object,
                              const std::vector<std::string>& keys) {
        const auto& properties = definitions.at(object).at("properties");
        for (const auto& key : keys)
            text += indent + key + ": " + properties.at(key).at("default").get<std::string>() + "\n";
    };
    text += "    memory:\n";
    block("      ", "memory");
    text += "    near_oom:\n";
    block("      ", "near_oom");
    text += "      brake:\n";
    block("        ", "brake");
    text += "      drain:\n";
    block("        ", "drain");
    text += "      warn:\n        signal: USR1\n        when: { pressure: { some: 1%, ";
    text +=
        "over: " + definitions.at("pressure").at("properties").at("over").at("default").get<std::string>() +
        " } }\n";
    text += "        every: " +
            definitions.at("warn").at("properties").at("every").at("default").get<std::string>() + "\n";
    text += "    restart:\n      backoff:\n";
    block("        ", "backoff");
    text += "      breaker:\n";
    block("        ", "breaker");
    text += "host:\n  pressure:\n    full: 1%\n";
    block("    ", "host_pressure");
    text += "hooks:\n  - on: armed\n    webhook:\n      url: http://a/\n      hmac:\n        secret: x\n";
    block("        ", "hmac");
    block_of("      ", "webhook", {"format", "timeout"});
    text += "    retry:\n";
    block("      ", "retry");
    text += "  - on: armed\n    webhook:\n      url: http://a/\n      format: alertmanager\n";
    block_of("      ", "webhook", {"resend", "resolve_after"});
    text += "  - on: armed\n    webhook:\n      url: http://a/\n      template: x\n";
    block_of("      ", "webhook", {"content_type"});
    text += "  - on: armed\n    exec:\n      command: [/bin/true]\n";
    block("      ", "exec_hook");

    const auto result = load_text(text);
    ASSERT_TRUE(result.policy) << all_of(result);
    EXPECT_EQ(result.policy->host.pressure->over, HostPressure{}.over);
    expect_default_hooks(result.policy->hooks);
    auto service = result.policy->services.front();
    EXPECT_EQ(service.memory, Memory{});
    EXPECT_EQ(service.restart, Restart{});
    ASSERT_TRUE(service.near_oom && service.near_oom->warn);
    EXPECT_EQ(service.near_oom->warn->every, Warn{}.every);
    service.near_oom->warn.reset();
    EXPECT_EQ(*service.near_oom, NearOom{});
}

}  // namespace
}  // namespace policies::testing
