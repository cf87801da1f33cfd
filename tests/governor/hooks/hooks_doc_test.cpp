// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/alert_book.hpp"
#include "tests/support/stored_event.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

/// docs/hooks.md shows what is sent; receivers are written from it.
namespace governor::hooks {
namespace {

using policies::HookFormat;

std::string page() {
    std::ifstream in(GOVERNOR_SOURCE_DIR "/docs/hooks.md");
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool shows(const std::string& line) {
    return page().find("\n" + line + "\n") != std::string::npos;
}

/// The event of the page's examples.
journal::Stored example() {
    auto record = test::oom_verdict();
    record.subject = publish::Subject{"067eef72f8eb", "jobmate-ai-coach-service-1", "ai-coach:1.4",
                                      "jobmate",      "ai-coach-service",           1,
                                      "ai-coach"};
    return test::stored(record);
}

TEST(HooksDoc, ShowsWhatIsSentInEachFormat) {
    const Origin origin{"node-1", "0.1.0"};
    for (const auto format : {HookFormat::kEvent, HookFormat::kCloudevents, HookFormat::kSlack,
                              HookFormat::kDocker, HookFormat::kTemplate}) {
        policies::Webhook webhook;
        webhook.format = format;
        webhook.body =
            R"x({"title": "{{ type }} in {{ service }}", "text": "{{ detail }} {{ victim.comm }} ({{ victim.pid }})", "memory": {{ memory }}})x";
        EXPECT_TRUE(shows(webhook.body));
        const Body body = render_body(webhook, example(), origin);
        EXPECT_TRUE(shows(body.text)) << body.text;
        EXPECT_NE(page().find("`" + body.content_type + "`"), std::string::npos);
    }
    AlertBook book({origin});
    book.apply(example(), true);
    const std::string body = book.due(example().time).body;
    EXPECT_TRUE(shows(body)) << body;
}

TEST(HooksDoc, NamesEveryAlertWithItsSeverity) {
    for (const std::string& type : alert_types()) {
        const auto kind = alert_kind({{"type", type}, {"outcome", "failed"}});
        ASSERT_TRUE(kind) << type;
        const std::string row = "\n| `" + type + "` | `" + std::string(kind->name) + "` | " +
                                std::string(to_string(kind->severity)) + " | ";
        EXPECT_NE(page().find(row), std::string::npos) << row;
    }
}

}  // namespace
}  // namespace governor::hooks
