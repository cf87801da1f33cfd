// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/alert_book.hpp"
#include "tests/support/stored_event.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace governor::hooks {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// An event of the coach at its minute, under the name that it has then.
journal::Stored at_minute(int minute, const std::string& type, const std::string& name) {
    publish::Record record = test::oom_verdict();
    record.sequence = static_cast<std::uint64_t>(minute) + 1;
    record.time += std::chrono::minutes(minute);
    record.type = type;
    record.event.emplace();
    record.subject.change([&](publish::Subject& subject) { subject.name = name; });
    return test::stored(record);
}

TEST(AlertRename, ARenamedContainersAlertKeepsItsLabelsAndEnds) {
    AlertBook book({{"node-1", "0.1.0"}, 1min, 5min});
    const auto opened = at_minute(0, "breaker_opened", "jobmate-coach-1");
    book.apply(opened, true);
    const auto raised = book.due(opened.time);
    ASSERT_EQ(raised.entries.size(), 1U);
    book.sent(raised, opened.time);

    const auto released = at_minute(1, "breaker_released", "renamed");
    book.apply(released, true);
    const auto over = book.due(released.time + 5min);
    ASSERT_EQ(over.entries.size(), 1U);
    EXPECT_TRUE(over.entries[0].resolved);
    EXPECT_EQ(json::parse(over.body)[0]["labels"], json::parse(raised.body)[0]["labels"])
        << "to Alertmanager another label is another alert";
    book.sent(over, released.time + 5min);
    EXPECT_EQ(book.size(), 0U);
}

}  // namespace
}  // namespace governor::hooks
