// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_feed.hpp"

#include <gtest/gtest.h>

namespace governor::http {
namespace {

class DockerFeedTest : public testing::Test {
  protected:
    void happen(const std::string& type) {
        publish::Record record;
        record.type = type;
        publisher.publish(record);
    }
    void docker_says(const std::string& action, std::string_view line = "{}") {
        docker::Event event;
        event.type = "container";
        event.action = action;
        feed.on_engine_event(event, line);
    }
    std::shared_ptr<FeedReader> join(std::string_view filters = "") {
        return feed.join(*DockerFilter::parse(filters), [this](bool) { ++woken; });
    }
    static std::vector<std::string> all(FeedReader& reader) {
        std::vector<std::string> out;
        while (const auto event = reader.next()) out.push_back(event->event.action);
        return out;
    }

    publish::Publisher publisher{[] { return std::chrono::system_clock::time_point{}; }, nullptr, {}};
    DockerFeed feed{publisher, {"id", "host"}, {3, 100'000}};
    int woken = 0;
};

using Actions = std::vector<std::string>;

TEST_F(DockerFeedTest, MixesBothInTheOrderOfTheirComing) {
    happen("before");
    const auto reader = join();
    docker_says("die");
    happen("exited");
    docker_says("start");
    EXPECT_EQ(woken, 3);
    EXPECT_EQ(all(*reader), (Actions{"die", "exited", "start"}));
}

TEST_F(DockerFeedTest, DockersLinesArePassedOnAsTheyCame) {
    const auto reader = join();
    docker_says("die", R"({ "Type":"container", "unknown":[1] })");
    EXPECT_EQ(reader->next()->line, R"({ "Type":"container", "unknown":[1] })");
}

TEST_F(DockerFeedTest, EachReaderHasItsFilter) {
    const auto one = join(R"({"event":["die"]})");
    const auto other = join(R"({"type":["daemon"]})");
    docker_says("die");
    happen("host_short");
    EXPECT_EQ(all(*one), Actions{"die"});
    EXPECT_EQ(all(*other), Actions{"host_short"});
}

TEST_F(DockerFeedTest, AReaderThatIsTooFarBehindIsCutAndTheOthersAreNot) {
    const auto slow = join();
    const auto quick = join();
    for (int i = 0; i < 4; ++i) {
        docker_says("die");
        EXPECT_EQ(all(*quick), Actions{"die"});
    }
    EXPECT_TRUE(slow->overrun());
    EXPECT_FALSE(quick->overrun());
    EXPECT_EQ(slow->next(), nullptr);
}

TEST_F(DockerFeedTest, AReaderMayNotHoldMoreThanItsBytes) {
    const auto reader = join();
    docker_says("one", std::string(60'000, 'x'));
    EXPECT_FALSE(reader->overrun());
    docker_says("two", std::string(60'000, 'x'));
    EXPECT_TRUE(reader->overrun());
}

TEST_F(DockerFeedTest, AReaderThatLeftIsForgotten) {
    auto reader = join();
    reader.reset();
    docker_says("die");
    happen("exited");
    EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace governor::http
