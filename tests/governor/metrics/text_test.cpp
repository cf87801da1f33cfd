// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace governor::metrics {
namespace {

using namespace std::chrono_literals;

constexpr std::array<policies::Duration, 3> kBounds{10ms, 250ms, 1s};

TEST(Labels, EscapesWhatMayNotStandInAValue) {
    EXPECT_EQ(Labels().with("service", "a\"b\\c\nd").with("kind", "min").text(),
              R"(service="a\"b\\c\nd",kind="min")");
}

TEST(Labels, WhatIsNotUtf8CannotSpoilTheAnswer) {
    EXPECT_EQ(Labels().with("s", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3").text(),
              "s=\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3\"");
    for (const char* bad : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"})
        EXPECT_EQ(Labels().with("s", std::string("a") + bad).text().substr(0, 7), "s=\"a\xEF\xBF\xBD") << bad;
}

TEST(Text, DescribesAFamilyOnceAndOnlyWhenItHasASample) {
    Text text;
    text.begin(FamilyId::kHardLimit);
    text.begin(FamilyId::kTrips);
    text.add(Labels().with("service", "a"), std::uint64_t{1});
    text.add(Labels().with("service", "b"), std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(
        text.take(),
        "# HELP governor_container_trips_total Times that the container came near OOM (event oom_near).\n"
        "# TYPE governor_container_trips_total counter\n"
        "governor_container_trips_total{service=\"a\"} 1\n"
        "governor_container_trips_total{service=\"b\"} 18446744073709551615\n");
}

TEST(Text, WritesNumbersAsPrometheusReadsThem) {
    const auto shown = [](auto value) {
        Text text;
        text.begin(FamilyId::kOomEta);
        text.add({}, value);
        const std::string all = text.take();
        return all.substr(all.rfind(' ') + 1);
    };
    EXPECT_EQ(shown(std::numeric_limits<double>::infinity()), "+Inf\n");
    EXPECT_EQ(shown(0.125), "0.125\n");
    EXPECT_EQ(shown(policies::Duration(1500ms)), "1.5\n");
    EXPECT_EQ(shown(policies::Duration(0)), "0\n");
}

TEST(Text, AHistogramsBucketsAreCumulative) {
    Histogram histogram(kBounds);
    histogram.observe(10ms);  // on the bound: within it
    histogram.observe(200ms);
    histogram.observe(2s);
    Text text;
    text.begin(FamilyId::kBrake);
    text.add(Labels().with("service", "a"), histogram);
    const std::string all = text.take();
    EXPECT_EQ(all.substr(all.find("governor_container_brake_seconds_bucket")),
              "governor_container_brake_seconds_bucket{service=\"a\",le=\"0.01\"} 1\n"
              "governor_container_brake_seconds_bucket{service=\"a\",le=\"0.25\"} 2\n"
              "governor_container_brake_seconds_bucket{service=\"a\",le=\"1\"} 2\n"
              "governor_container_brake_seconds_bucket{service=\"a\",le=\"+Inf\"} 3\n"
              "governor_container_brake_seconds_sum{service=\"a\"} 2.21\n"
              "governor_container_brake_seconds_count{service=\"a\"} 3\n");
}

TEST(Histogram, IsEmptyBeforeTheFirstObservation) {
    const Histogram histogram(kBounds);
    EXPECT_EQ(histogram.at_or_below(2), 0U);
    EXPECT_EQ(histogram.count(), 0U);
}

}  // namespace
}  // namespace governor::metrics
