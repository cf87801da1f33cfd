// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/publisher.hpp"

#include "tests/support/fakes.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace governor::publish {
namespace {

std::chrono::system_clock::time_point epoch() {
    return {};
}

Record of(const std::string& service, const std::string& type = "armed") {
    Record record;
    record.type = type;
    record.subject = Subject{.name = "jobmate-" + service + "-1", .project = "jobmate", .service = service};
    return record;
}

std::vector<std::uint64_t> ids(const std::vector<PublishedPtr>& found) {
    std::vector<std::uint64_t> out;
    for (const auto& each : found) out.push_back(each->record.sequence);
    return out;
}
using Ids = std::vector<std::uint64_t>;

TEST(Publisher, NumbersAndTimes) {
    const auto later = epoch() + std::chrono::seconds(5);
    Publisher publisher([&] { return later; }, nullptr, {});
    publisher.publish(of("a"));
    publisher.publish(of("b"));
    const auto found = publisher.recent({});
    ASSERT_EQ(ids(found), (Ids{1, 2}));
    EXPECT_EQ(found[0]->record.time, later);
    EXPECT_EQ(nlohmann::json::parse(found[1]->json)["id"], 2);
    EXPECT_EQ(publisher.last_sequence(), 2U);
}

TEST(Publisher, TakesIdsFromItsSourceAndGivesEachRecordToTheStore) {
    Publisher::Options options;
    std::uint64_t next = 1000;
    std::vector<PublishedPtr> stored;
    options.next_id = [&] { return next += 10; };
    options.store = [&](const PublishedPtr& published) { stored.push_back(published); };
    Publisher publisher(epoch, nullptr, options);
    publisher.publish(of("a"));
    publisher.publish(of("b"));
    EXPECT_EQ(ids(stored), (Ids{1010, 1020}));
    EXPECT_EQ(stored, publisher.recent({}));
    EXPECT_EQ(publisher.last_sequence(), 1020U);
    EXPECT_EQ(publisher.oldest_sequence(), 1010U);
}

TEST(Publisher, AnotherSinkMissesNothing) {
    test::FakeSink sink;
    Publisher::Options options;
    options.subscriber_queue = 1;
    Publisher publisher(epoch, nullptr, options);
    publisher.also(sink);
    for (int i = 0; i < 5; ++i) publisher.publish(of("a"));
    ASSERT_EQ(sink.records.size(), 5U);
    EXPECT_EQ(sink.records.back().sequence, 5U) << "numbered already";
}

TEST(Publisher, KeepsTheLastOnes) {
    Publisher::Options options;
    options.keep = 3;
    Publisher publisher(epoch, nullptr, options);
    for (int i = 0; i < 5; ++i) publisher.publish(of("a"));
    EXPECT_EQ(ids(publisher.recent({})), (Ids{3, 4, 5}));
    EXPECT_EQ(ids(publisher.recent({}, 2)), (Ids{4, 5}));
}

TEST(Publisher, Filters) {
    Publisher publisher(epoch, nullptr, {});
    publisher.publish(of("a"));
    publisher.publish(of("b", "brake"));
    publisher.publish(of("a", "brake"));
    EXPECT_EQ(ids(publisher.recent({.service = "a", .types = {}})), (Ids{1, 3}));
    EXPECT_EQ(ids(publisher.recent({.service = "jobmate/a", .types = {}})), (Ids{1, 3}));
    EXPECT_EQ(ids(publisher.recent({.service = "jobmate-b-1", .types = {}})), (Ids{2}));
    EXPECT_EQ(ids(publisher.recent({.service = {}, .types = {"brake", "killed"}})), (Ids{2, 3}));
    EXPECT_EQ(ids(publisher.recent({.service = {}, .types = {}, .since = 2})), (Ids{3}));
    EXPECT_TRUE(publisher.recent({.service = "nobody", .types = {}}).empty());
}

TEST(Publisher, SubscribersGetNewRecordsOnly) {
    Publisher publisher(epoch, nullptr, {});
    publisher.publish(of("a"));
    int woken = 0;
    const auto subscription = publisher.subscribe({.service = "a", .types = {}}, [&] { ++woken; });
    EXPECT_EQ(subscription->next(), nullptr);
    publisher.publish(of("b"));
    EXPECT_EQ(woken, 0);
    publisher.publish(of("a"));
    EXPECT_EQ(woken, 1);
    const auto got = subscription->next();
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(got->record.sequence, 3U);
    EXPECT_EQ(subscription->next(), nullptr);
}

TEST(Publisher, ASlowSubscriberIsToldAndDoesNotHoldUpOthers) {
    Publisher::Options options;
    options.subscriber_queue = 2;
    Publisher publisher(epoch, nullptr, options);
    const auto slow = publisher.subscribe({}, nullptr);
    const auto quick = publisher.subscribe({}, nullptr);
    for (int i = 0; i < 3; ++i) {
        publisher.publish(of("a"));
        EXPECT_NE(quick->next(), nullptr);
    }
    EXPECT_TRUE(slow->overrun());
    EXPECT_FALSE(quick->overrun());
}

TEST(Publisher, ForgetsSubscribersThatLeft) {
    Publisher publisher(epoch, nullptr, {});
    int woken = 0;
    auto subscription = publisher.subscribe({}, [&] { ++woken; });
    subscription.reset();
    publisher.publish(of("a"));
    EXPECT_EQ(woken, 0);
}

TEST(GapLine, IsARecordInTheLogsFormat) {
    EXPECT_EQ(nlohmann::json::parse(gap_line(Publisher::Format::kJson, epoch)(7))["type"], "log_lines_lost");
    EXPECT_NE(gap_line(Publisher::Format::kText, epoch)(7).find("7 lines"), std::string::npos);
}

}  // namespace
}  // namespace governor::publish
