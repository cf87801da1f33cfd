// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/families.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

/// docs/metrics.md and the alert rules name the series that there are: all of them, and no others.
namespace governor::metrics {
namespace {

using Names = std::set<std::string>;

std::string text_of(const std::string& file) {
    std::ifstream in(GOVERNOR_SOURCE_DIR "/" + file);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Names found(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern);
    Names out;
    for (auto it = std::sregex_iterator(text.begin(), text.end(), expression); it != std::sregex_iterator();
         ++it)
        out.insert((*it)[1].str());
    return out;
}

Names series() {
    Names out;
    for (const Family& each : families()) out.emplace(each.name);
    return out;
}

/// As they stand in an expression.
Names usable() {
    Names out = series();
    for (const Family& each : families())
        if (each.kind == Kind::kHistogram)
            for (const char* suffix : {"_bucket", "_sum", "_count"})
                out.insert(std::string(each.name) + suffix);
    return out;
}

TEST(MetricsDoc, HasARowForEverySeriesAndNoOther) {
    EXPECT_EQ(found(text_of("docs/metrics.md"), R"(\n\| `((?:governor|process)_\w+)` \|)"), series());
}

TEST(MetricsDoc, HasARowForEveryAlertAndNoOther) {
    EXPECT_EQ(found(text_of("docs/metrics.md"), R"(\n\| `([A-Z]\w+)` \|)"),
              found(text_of("deploy/prometheus/governor.rules.yaml"), R"(- alert: (\w+))"));
}

TEST(AlertRules, UseOnlySeriesThatThereAre) {
    const Names used = found(text_of("deploy/prometheus/governor.rules.yaml"), R"(\b(governor_\w+))");
    EXPECT_GT(used.size(), 8U);
    for (const std::string& name : used) EXPECT_TRUE(usable().contains(name)) << name;
}

TEST(AlertRules, EachIsShownFiringAndNotFiring) {
    const std::string tests = text_of("deploy/prometheus/governor.rules.test.yaml");
    const Names alerts = found(text_of("deploy/prometheus/governor.rules.yaml"), R"(- alert: (\w+))");
    EXPECT_EQ(found(tests, R"(alertname: (\w+)\n +exp_alerts:\n)"), alerts);
    EXPECT_EQ(found(tests, R"(alertname: (\w+)\n +exp_alerts: \[\]\n)"), alerts);
}

}  // namespace
}  // namespace governor::metrics
