// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/print_status.hpp"
#include "governor/cli/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace governor::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct Screen {
    std::ostringstream out;
    std::ostringstream err;
    Console console{out, err, false};
};

json service() {
    return {{"service", "ai-coach"},
            {"project", "jobmate"},
            {"container", "jobmate-ai-coach-1"},
            {"id", "4f2a4f2a4f2a4f2a"},
            {"policy", "ai"},
            {"phase", "watching"},
            {"current", 241591910},
            {"unreclaimable", 241591910},
            {"hard", 268435456},
            {"tripwire", nullptr},
            {"headroom", 26843546},
            {"growth_per_s", 1048576},
            {"eta_ms", 25600},
            {"restarts_in_window", 1},
            {"quarantined", false},
            {"frozen", true},
            {"last_sample_ms_ago", 40}};
}

json status() {
    return {{"version", "0.1.0"},
            {"dry", false},
            {"started", "2026-05-01T00:00:00Z"},
            {"docker",
             {{"connected", true}, {"version", "26.1.5"}, {"api", "1.45"}, {"cgroup_driver", "systemd"}}},
            {"cgroup", {{"mount", "/sys/fs/cgroup"}}},
            {"services", json::array({service()})}};
}

TEST(WantsColours, OnlyOnATerminalThatMayHaveThem) {
    EXPECT_TRUE(wants_colours(true, nullptr, "xterm"));
    EXPECT_TRUE(wants_colours(true, "", "xterm"));
    EXPECT_FALSE(wants_colours(true, "1", "xterm"));
    EXPECT_FALSE(wants_colours(false, nullptr, "xterm"));
    EXPECT_FALSE(wants_colours(true, nullptr, "dumb"));
}

TEST(Table, AlignsAndColoursWithoutShifting) {
    Screen screen;
    Table table({{"NAME"}, {"SIZE", Table::Align::kRight}, {"END"}});
    table.add({{"a"}, {"1GiB"}, {"x"}});
    table.add({{"longer\xc3\xa9"}, {"10.5GiB", Colour::kRed}, {""}});
    EXPECT_EQ(table.text(screen.console),
              "NAME        SIZE  END\na           1GiB  x\nlonger\xc3\xa9  10.5GiB\n");
    const Console colourful{screen.out, screen.err, true};
    EXPECT_THAT(table.text(colourful), HasSubstr("\x1b[31m10.5GiB\x1b[0m"));
}

TEST(StatusText, ShowsEachServiceWithReadableSizes) {
    Screen screen;
    const auto text = status_text(screen.console, status());
    EXPECT_THAT(text,
                HasSubstr("Docker 26.1.5 (API 1.45, cgroup driver systemd), cgroup v2 at /sys/fs/cgroup"));
    EXPECT_THAT(text, HasSubstr("ai-coach  ai      watching, frozen       230.4MiB  256MiB   89%  no limit   "
                                "25.6MiB  +1MiB/s   25.6s         1"));
}

TEST(StatusText, SaysWhenThereIsNothingOrNoDocker) {
    Screen screen;
    auto empty = status();
    empty["services"] = json::array();
    empty["docker"]["connected"] = false;
    empty["dry"] = true;
    const auto text = status_text(screen.console, empty);
    EXPECT_THAT(text, HasSubstr("no containers are watched"));
    EXPECT_THAT(text, HasSubstr("Docker does not answer"));
    EXPECT_THAT(text, HasSubstr("dry run"));
}

TEST(StatusText, NamesProjectsOnlyWhenThereAreSeveral) {
    Screen screen;
    auto two = status();
    two["services"].push_back(service());
    EXPECT_THAT(status_text(screen.console, two), Not(HasSubstr("jobmate/")));
    two["services"][1]["project"] = "other";
    EXPECT_THAT(status_text(screen.console, two), HasSubstr("other/ai-coach"));
}

TEST(Printing, SurvivesAnyJson) {
    Screen screen;
    for (const char* text :
         {"null", "[]", "{}", "{\"services\":[1,null,{\"phase\":7,\"hard\":-1,\"unreclaimable\":1e300}]}",
          "{\"service\":3,\"policy\":[{}],\"events\":[[]],\"notes\":[{}]}"}) {
        const auto value = json::parse(text);
        EXPECT_NO_THROW({
            status_text(screen.console, value);
            explain_text(screen.console, value);
            event_text(screen.console, value);
        }) << text;
    }
}

TEST(ExplainText, TellsThresholdsEventsAndNotes) {
    Screen screen;
    const json explanation = {
        {"service", service()},
        {"policy", {{{"name", "kill line"}, {"value", 260046848}, {"text", "248MiB"}}}},
        {"phase_text", "It is watched."},
        {"events",
         {{{"time", "2026-05-01T02:14:07.045Z"}, {"id", 3}, {"type", "armed"}, {"service", "ai-coach"}}}},
        {"notes", {"PID 1 does not handle SIGTERM"}}};
    const auto text = explain_text(screen.console, explanation);
    EXPECT_THAT(text, HasSubstr("jobmate/ai-coach  container jobmate-ai-coach-1 (4f2a4f2a4f2a), policy "
                                "ai\nwatching, frozen: It is watched.\n"));
    EXPECT_THAT(text, HasSubstr("kill line  248MiB  260046848"));
    EXPECT_THAT(text, HasSubstr("2026-05-01T02:14:07.045Z  #3  ai-coach  armed\n"));
    EXPECT_THAT(text, HasSubstr("- PID 1 does not handle SIGTERM\n"));
}

TEST(EventText, TellsWhyWithNumbersAndCannotDriveATerminal) {
    Screen screen;
    const auto event = json::parse(R"({"time": "T", "id": 7, "type": "killed", "service": "a\u001b[2J",
        "reason": {"rule": "unreclaimable", "measured": {"bytes": 1, "text": "1B"}, "threshold": {"text": "2B"}, "window_ms": 10000},
        "memory": {"hard": 1024, "eta_ms": 1500}, "outcome": "graceful", "exit_code": 0, "brake_ms": 0.5, "detail": "see"})");
    const auto text = event_text(screen.console, event);
    EXPECT_THAT(
        text, HasSubstr("killed: unreclaimable 1B (threshold 2B) within 10s; outcome graceful, exit code 0"));
    EXPECT_THAT(text, HasSubstr("hard limit 1KiB, OOM in 1.5s -- see"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace governor::cli
