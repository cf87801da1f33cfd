// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/event_schema.hpp"
#include "governor/publish/names.hpp"
#include "policies/event.hpp"
#include "policies/event_names.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

/// docs/events.md is what people write alerts from: it names every value that an event can have.
namespace governor {
namespace {

using publish::names_of;

std::string events_page() {
    std::ifstream in(GOVERNOR_SOURCE_DIR "/docs/events.md");
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Each must stand in the first column of a table.
std::string missing(const std::string& page, const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names)
        if (page.find("\n| `" + name + "` |") == std::string::npos) out += name + " ";
    return out;
}

TEST(EventsDoc, NamesEveryType) {
    const auto types = policies::event_type_names();
    EXPECT_GT(types.size(), names_of<policies::EventType>().size());
    EXPECT_EQ(missing(events_page(), {types.begin(), types.end()}), "");
}

TEST(EventsDoc, NamesEveryVerdictAndWhatItRestsOn) {
    EXPECT_EQ(missing(events_page(), names_of<policies::Verdict>()), "");
    const auto evidence = names_of<policies::Evidence>();
    EXPECT_EQ(evidence.size(), static_cast<std::size_t>(policies::EvidenceSet::kSize));
    EXPECT_EQ(missing(events_page(), evidence), "");
}

TEST(EventsDoc, NamesEveryRuleOutcomeViaAndStopHandling) {
    EXPECT_GT(names_of<policies::Rule>().size(), 1U);
    EXPECT_EQ(missing(events_page(), names_of<policies::Rule>()), "");
    EXPECT_EQ(missing(events_page(), names_of<policies::Outcome>()), "");
    EXPECT_EQ(missing(events_page(), names_of<policies::Via>()), "");
    EXPECT_EQ(missing(events_page(), names_of<policies::StopHandling>()), "");
}

TEST(EventsDoc, ShowsAnExampleOfEveryTypeOfAContainersEvents) {
    std::set<std::string> shown;
    std::istringstream lines(events_page());
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("```")) {
            inside = line == "```json";
            continue;
        }
        if (!inside) continue;
        const auto event = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(event.is_object() && event.contains("type")) << line;
        shown.insert(event.at("type").get<std::string>());
    }
    for (const std::string& name : names_of<policies::EventType>()) EXPECT_TRUE(shown.contains(name)) << name;
}

}  // namespace
}  // namespace governor
