// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/event_schema.hpp"

#include "governor/publish/render.hpp"
#include "tests/support/full_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

/// The schema and the rendering are written by hand, each in its place: these hold them together.
namespace governor::publish {
namespace {

using nlohmann::json;
using testing::Contains;

/// "memory.hard" for every key of an event, at any depth.
void rendered_keys(const json& value, const std::string& before, std::set<std::string>& out) {
    if (value.is_array())
        for (const json& item : value) rendered_keys(item, before, out);
    if (!value.is_object()) return;
    for (const auto& [key, part] : value.items()) {
        out.insert(before + key);
        rendered_keys(part, before + key + ".", out);
    }
}

/// The same of a schema.
void schema_keys(const json& schema, const json& root, const std::string& before,
                 std::set<std::string>& out) {
    if (schema.contains("$ref")) return schema_keys(root["$defs"]["quantity"], root, before, out);
    if (schema.contains("items")) return schema_keys(schema["items"], root, before, out);
    if (!schema.contains("properties")) return;
    EXPECT_EQ(schema.value("additionalProperties", json(true)), false) << before;
    for (const auto& [key, part] : schema["properties"].items()) {
        EXPECT_FALSE(part.value("description", "").empty()) << before << key;
        EXPECT_TRUE(part.contains("type") || part.contains("enum") || part.contains("$ref")) << before << key;
        out.insert(before + key);
        schema_keys(part, root, before + key + ".", out);
    }
}

std::set<std::string> keys_of_schema() {
    std::set<std::string> out;
    const json schema = event_schema();
    schema_keys(schema, schema, "", out);
    return out;
}

std::set<std::string> keys_of_events() {
    std::set<std::string> out;
    for (const Record& record : test::full_records()) rendered_keys(to_json(record), "", out);
    return out;
}

/// A quantity has one of four values.
bool is_value_of_quantity(const std::string& key) {
    return key.starts_with("reason.measured.") || key.starts_with("reason.threshold.");
}

TEST(EventSchema, HasEveryKeyThatAnEventCanHave) {
    const auto schema = keys_of_schema();
    for (const std::string& key : keys_of_events()) EXPECT_TRUE(schema.contains(key)) << key;
}

TEST(EventSchema, HasNoKeyThatNoEventHas) {
    const auto events = keys_of_events();
    for (const std::string& key : keys_of_schema()) EXPECT_TRUE(events.contains(key)) << key;
}

TEST(EventSchema, KnowsEveryValueOfTheEnumerations) {
    const json properties = event_schema()["properties"];
    EXPECT_THAT(properties["type"]["enum"], Contains("oom_verdict"));
    EXPECT_THAT(properties["type"]["enum"], Contains("docker_disconnected"));
    EXPECT_THAT(properties["reason"]["properties"]["rule"]["enum"], Contains("drift"));
    EXPECT_THAT(properties["outcome"]["enum"], Contains("failed"));
    EXPECT_THAT(properties["outcome"]["enum"], testing::Not(Contains("none")));
    EXPECT_THAT(properties["via"]["enum"], Contains("someone_else"));
    EXPECT_THAT(properties["stop_handling"]["enum"], Contains("ignored"));
    EXPECT_THAT(properties["verdict"]["enum"], Contains("not_known"));
    EXPECT_THAT(properties["evidence"]["items"]["enum"], Contains("own_doing"));
}

TEST(EventSchema, ThePageOfEventsNamesEveryKey) {
    std::ifstream in(GOVERNOR_SOURCE_DIR "/docs/events.md");
    const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    for (const std::string& key : keys_of_schema()) {
        if (is_value_of_quantity(key)) continue;
        const std::string last = key.substr(key.rfind('.') + 1);
        EXPECT_TRUE(page.find("`" + last + "`") != std::string::npos ||
                    page.find("`" + key + "`") != std::string::npos)
            << key;
    }
}

}  // namespace
}  // namespace governor::publish
