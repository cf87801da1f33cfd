// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

#include <random>

namespace policies::testing {
namespace {

/// For a mistake in line 5, after `match`.
void expect_in_worker(const std::string& lines, std::string_view part, int line = 5) {
    expect_error(matched_worker(lines), part, line);
}

TEST(LoadBadInput, ShowsPlaceLineCaretAndHint) {
    const auto result = load_text(
        "version: 1\n"
        "services:\n"
        "  ai-coach:\n"
        "    match: { service: ai-coach-service }\n"
        "    memory: { hard: 2GiB, tripwir: 90% }\n");
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(to_string(result.diagnostics[0]),
              "policy.yaml:5:27: error: unknown key 'tripwir' [services.ai-coach.memory.tripwir]\n"
              "        memory: { hard: 2GiB, tripwir: 90% }\n"
              "                              ^\n"
              "    hint: did you mean 'tripwire'?");
}

TEST(LoadBadInput, FindsAllErrorsOfAllFilesAtOnce) {
    const auto result =
        load({{"a.yaml", matched_worker("    memory: { hard: 2Gx, swap: -1 }\n    nevr: [kill]\n    restart: "
                                        "{ breaker: { restarts: 0 } }\n")},
              {"b.yaml", "services: []\n"},
              {"c.yaml", "version: 1\nservices: {"}},
             no_environment);
    EXPECT_FALSE(result.policy);
    std::vector<std::string> places;
    for (const auto& d : result.diagnostics) {
        if (d.severity == Severity::kError) places.push_back(d.file + ":" + std::to_string(d.line));
    }
    EXPECT_EQ(places, (std::vector<std::string>{"a.yaml:5", "a.yaml:5", "a.yaml:6", "a.yaml:7", "b.yaml:1",
                                                "b.yaml:1", "c.yaml:2"}))
        << all_of(result);
}

TEST(LoadBadInput, ChecksTheRestWhenOneValueCannotBeRead) {
    const auto result =
        load_text(matched_worker("    memory: { hard: 2Gx, tripwire: 100% }\n"
                                 "    near_oom: { when: { unreclaimable: 120% } }\n"));
    EXPECT_NE(find(result, "unknown unit 'Gx'"), nullptr) << all_of(result);
    EXPECT_NE(find(result, "the tripwire at 100%"), nullptr) << all_of(result);
    EXPECT_NE(find(result, "the threshold at 120%"), nullptr) << all_of(result);
}

TEST(LoadBadInput, SuggestsTheKeyThatWasMeant) {
    expect_in_worker("    memroy: { hard: 2GiB }\n", "did you mean 'memory'?");
    expect_in_worker("    near-oom: {}\n", "did you mean 'near_oom'?");
    expect_in_worker("    near_oom: { drain: { on_timout: kill } }\n", "did you mean 'on_timeout'?");
    expect_in_worker("    near_oom: { do: graceful_restrat }\n", "did you mean 'graceful_restart'?");
    expect_in_worker("    never: [freez]\n", "did you mean 'freeze'?");
}

TEST(LoadBadInput, SaysWhereAMisplacedKeyBelongs) {
    expect_in_worker("    tripwire: 90%\n", "'tripwire' belongs to services.<name>.memory");
    expect_in_worker("    zzzzzz: 90%\n",
                     "known here: match, memory, reserve, priority, near_oom, restart, restart_with, never");
}

TEST(LoadBadInput, SaysThatLaterKeysAreNotKnownYet) {
    expect_in_worker("    slow_leak: 1\n", "this version of governor does not know 'slow_leak' yet");
    expect_in_worker("    near_oom: { reclaim: 1 }\n", "does not know 'reclaim' yet");
}

TEST(LoadBadInput, RefusesKeysGivenTwice) {
    expect_in_worker("    memory: { hard: 2GiB, hard: 3GiB }\n", "given twice; first at policy.yaml:5:15");
    expect_in_worker("    match: { service: b }\n", "given twice; first at policy.yaml:4:5");
    expect_error("version: 1\nservices:\n  a: { match: { service: a } }\n  a: { match: { service: b } }\n",
                 "the policy 'a' is given twice; first at policy.yaml:3:3", 4);
}

TEST(LoadBadInput, WantsAVersionItKnows) {
    expect_error("services:\n  a: { match: { service: a } }\n", "'version' is missing", 1);
    expect_error("version: 2\nservices: { a: { slow_leak: 1 } }\n", "this governor reads version 1", 1);
    expect_error("version:\nservices:\n  a: { match: { service: a } }\n", "'version' has no value", 1);
}

TEST(LoadBadInput, SaysWhatAnEmptyFileIs) {
    expect_error("", "the file is empty", 1);
    expect_error(" \n\n", "the file is empty", 1);
    expect_error("# nothing yet\n", "nothing in it but comments", 1);
    expect_error("---\n", "nothing in it but comments", 1);
    expect_error("version: 1\n", "'services' is missing", 1);
    expect_error("version: 1\nservices: {}\n", "'services' is empty", 2);
    expect_error("version: 1\nservices:\n  a:\n", "the policy 'a' is empty", 3);
    expect_error("hello\n", "keys and values belong here, not a single value", 1);
    EXPECT_FALSE(load({}, no_environment).policy);
    EXPECT_EQ(load({}, no_environment).diagnostics.size(), 1U);
}

TEST(LoadBadInput, WantsAMatch) {
    expect_error(worker("    memory: { hard: 2GiB }\n"), "'match' is missing", 4);
    expect_error(worker("    match: {}\n"), "service: \"*\"", 4);
    expect_error(worker("    match: { service: [] }\n"), "the list is empty", 4);
    expect_error(worker("    match: { service: \"w[0-9\" }\n"), "'[' is not closed", 4);
    expect_error(worker("    match: { service: \"\" }\n"), "the pattern is empty", 4);
    expect_error(worker("    match: { service: * }\n"), "must be quoted: \"*\"", 4);
    expect_error(worker("    match: { labels: { a: x, a: y } }\n"), "the label 'a' is given twice", 4);
}

TEST(LoadBadInput, ChecksSizes) {
    expect_in_worker("    memory: { hard: 2Gx }\n", "'2Gx' is not a size: unknown unit 'Gx'");
    expect_in_worker("    memory: { hard: -2g }\n", "it is negative");
    expect_in_worker("    memory: { hard: 99999999999999999999 }\n", "it is too large");
    expect_in_worker("    memory: { hard: 90% }\n", "a percentage has no meaning here");
    expect_in_worker("    memory: { hard: 0 }\n", "'0' must be more than 0");
    expect_in_worker("    memory: { hard: 4MiB }\n",
                     "the hard limit of 4MiB is below Docker's minimum of 6MiB");
    expect_in_worker("    memory: { hard: [2g] }\n", "a single value belongs here, not a list");
    expect_in_worker("    memory: { hard: }\n", "'hard' has no value");
    expect_in_worker("    memory: 2GiB\n", "keys and values belong here, not a single value");
}

TEST(LoadBadInput, WantsTheTripwireBelowTheHardLimit) {
    expect_in_worker("    memory: { tripwire: 100% }\n", "the tripwire at 100% is not below the hard limit");
    expect_in_worker("    memory: { hard: 2GiB, tripwire: 110% }\n",
                     "the tripwire at 110% is not below the hard limit of 2GiB");
    expect_in_worker("    memory: { hard: 2GiB, tripwire: 3GiB }\n",
                     "the tripwire at 3GiB is not below the hard limit of 2GiB");
    expect_in_worker("    memory: { hard: 2147483648, tripwire: 2147483649 }\n",
                     "the tripwire at 2147483649 bytes is not below the hard limit of 2147483648 bytes");
}

TEST(LoadBadInput, ChecksThresholdsAgainstTheHardLimit) {
    expect_in_worker("    near_oom: { when: { unreclaimable: 100% } }\n",
                     "the threshold at 100% is not below the hard limit");
    expect_error(matched_worker("    memory: { hard: 1GiB }\n    near_oom: { when: { any: [ { eta: 5s }, { "
                                "current: 2GiB } ] } }\n"),
                 "the threshold of 2GiB is above the hard limit of 1GiB", 6);
    expect_error(matched_worker("    near_oom: { warn: { when: { unreclaimable: 120% }, signal: USR1 } }\n"),
                 "the threshold at 120%", 5);
}

TEST(LoadBadInput, WantsConditionsThatCanBeTrue) {
    expect_in_worker("    near_oom: { when: {} }\n", "a condition without any term is never true");
    expect_in_worker("    near_oom: { when: { any: [] } }\n", "a list belongs here, but it is empty");
    expect_in_worker("    near_oom: { when: 90% }\n", "keys and values belong here, not a single value");
    expect_in_worker("    near_oom: { when: { unreclaimable: 75%, eta: 30s } }\n",
                     "whether all of these must be true or any");
    expect_in_worker("    near_oom: { when: { any: [ { unreclaimable: 75%, eta: 30s } ] } }\n",
                     "a term compares one thing, but this one has 2");
    expect_in_worker("    near_oom: { when: { any: [ { any: [ { eta: 3s } ] } ] } }\n",
                     "'any' belongs to when");
    expect_in_worker("    near_oom: { when: { eta: 0s } }\n", "'0s' must be more than 0");
    expect_in_worker("    near_oom: { when: { pressure: { some: 10%, over: 2s } } }\n",
                     "the average of the last 10s");
    expect_in_worker("    near_oom: { when: { pressure: { some: 10%, full: 5% } } }\n",
                     "both 'some' and 'full'");
    expect_in_worker("    near_oom: { when: { pressure: { over: 10s } } }\n", "neither 'some' nor 'full'");
    expect_in_worker("    near_oom: { when: { pressure: { some: 110% } } }\n", "at most 100%");
}

TEST(LoadBadInput, ChecksWarn) {
    const auto warn = [](const std::string& inside) {
        return "    near_oom: { warn: { " + inside + " } }\n";
    };
    expect_in_worker(warn("signal: USR1"), "'warn' does not say when");
    expect_in_worker(warn("when: { eta: 30s }"), "'warn' does not say how");
    expect_in_worker(warn("when: { eta: 30s }, signal: USR1, http: \"http://a/\""),
                     "more than one way to call");
    expect_in_worker(warn("when: { eta: 30s }, http: \"https://a/\""), "https is not offered");
    expect_in_worker(warn("when: { eta: 30s }, http: \"a/b\""), "must begin with http://");
    expect_in_worker(warn("when: { eta: 30s }, http: \"http://\""), "the URL has no host");
    expect_in_worker(warn("when: { eta: 30s }, http: \"http://a:99999/\""), "port is not a number");
    expect_in_worker(warn("when: { eta: 30s }, http: \"http://a/\\r\\nX: y\""), "percent-encoded");
    expect_in_worker(warn("when: { eta: 30s }, signal: KILL"),
                     "'KILL' is no warning: SIGKILL ends or stops a process");
    expect_in_worker(warn("when: { eta: 30s }, signal: 15"), "SIGTERM ends or stops");
    expect_in_worker(warn("when: { eta: 30s }, signal: 65"), "the numbers 1 to 31 and 34 to 64");
    expect_in_worker(warn("when: { eta: 30s }, signal: RTMIN+99"), "'RTMIN+99' is not a signal");
    expect_in_worker(warn("when: { eta: 30s }, signal: SIGUSR3"), "'SIGUSR3' is not a signal");
    expect_in_worker(warn("when: { eta: 30s }, exec: /bin/true"), "a list belongs here, not a single value");
    expect_in_worker(warn("when: { eta: 30s }, signal: USR1, timeout: 1s"),
                     "'timeout' has no meaning for a signal");
    expect_in_worker(warn("when: { eta: 30s }, http: \"http://a/\", timeout: 0s"), "must be more than 0");
    expect_in_worker(warn("when: { eta: 30s }, http: \"http://a/\", timeout: 2m"), "here the most is 1m");
}

TEST(LoadBadInput, ChecksTheDrainHook) {
    const auto hook = [](const std::string& inside) {
        return "    near_oom: { drain_hook: { " + inside + " } }\n";
    };
    expect_in_worker(hook("settle: 2s"), "'drain_hook' does not say how");
    expect_in_worker(hook("file: /run/drain, http: \"http://a/\""), "more than one way to call");
    expect_in_worker(hook("file: drain"), "'drain' is not absolute");
    expect_in_worker(hook("file: \"\""), "is not absolute");
    expect_in_worker(hook("file: /run/../etc/drain"), "has a '..' in it");
    expect_in_worker(hook("file: /run/./drain"), "has a '.' in it");
    expect_in_worker(hook("file: /run/.."), "has a '..' in it");
    expect_in_worker(hook("file: /run/"), "names a folder");
    expect_in_worker(hook("file: \"/run/a\\tb\""), "control character");
    expect_in_worker(hook("file: /proc/sysrq-trigger"), "is below /proc, where no file can be created");
    expect_in_worker(hook("file: /sys/kernel/x"), "is below /sys");
    expect_in_worker(hook("file: /" + std::string(1024, 'a')), "is longer than 1024 bytes");
    expect_in_worker(hook("file: [ /run/drain ]"), "a single value belongs here, not a list");
    expect_in_worker(hook("http: \"https://a/\""), "https is not offered");
    expect_in_worker(hook("exec: /bin/true"), "a list belongs here, not a single value");
    expect_in_worker(hook("exec: [ \"\" ]"), "the command is empty");
    expect_in_worker(hook("exec: [ /bin/true ], timeout: 0s"), "must be more than 0");
    expect_in_worker(hook("exec: [ /bin/true ], timeout: 2m"), "here the most is 1m");
    expect_in_worker(hook("file: /run/drain, settle: 2m"), "here the most is 1m");
    expect_in_worker("    near_oom: { drain_hook: /run/drain }\n",
                     "keys and values belong here, not a single value");
}

TEST(LoadBadInput, WarnsOfADrainHookWithoutEffect) {
    const auto warned = [](const std::string& lines, std::string_view part) {
        const auto result = load_text(matched_worker(lines));
        EXPECT_TRUE(result.policy) << all_of(result);
        const auto* found = find(result, part);
        ASSERT_NE(found, nullptr) << all_of(result);
        EXPECT_EQ(found->severity, Severity::kWarning);
    };
    warned("    near_oom: { drain_hook: { file: /run/drain, timeout: 1s } }\n", "no effect on a file");
    for (const std::string action : {"kill", "notify", "hold"})
        warned("    near_oom: { do: " + action + ", drain_hook: { file: /run/drain } }\n",
               "'drain_hook' has no effect with do: " + action);
    warned(
        "    memory: { tripwire: 98% }\n"
        "    near_oom: { when: { unreclaimable: 90% }, drain_hook: { file: /run/drain } }\n",
        "hardly any time: the restart begins at 98%");
    warned(
        "    memory: { hard: 1000MiB, tripwire: 980MiB }\n"
        "    near_oom: { when: { unreclaimable: 90% }, drain_hook: { file: /run/drain } }\n",
        "hardly any time: the restart begins at 98%");
}

TEST(LoadBadInput, HoldsWhatNeverForbids) {
    expect_in_worker("    near_oom: {}\n    never: [freeze]\n",
                     "forbids what near_oom's 'graceful_restart' needs: freeze (the brake)", 6);
    expect_in_worker("    near_oom: {}\n    never: [restart, kill]\n",
                     "needs: restart, kill (for a drain that does not end)", 6);
    expect_in_worker("    near_oom: { do: kill }\n    never: [kill]\n", "'kill' needs: kill", 6);
    expect_in_worker("    never: []\n", "but it is empty");
    EXPECT_TRUE(
        load_text(matched_worker("    near_oom: { do: notify }\n    never: [freeze, restart, kill]\n"))
            .policy);
    EXPECT_TRUE(
        load_text(matched_worker("    near_oom: { do: kill }\n    never: [freeze, restart]\n")).policy);
}

TEST(LoadBadInput, ChecksRestart) {
    const auto restart = [](const std::string& inside) {
        return "    near_oom: {}\n    restart: { " + inside + " }\n";
    };
    expect_in_worker(restart("breaker: { restarts: 0 }"), "a whole number from 1 to 128", 6);
    expect_in_worker(restart("breaker: { restarts: many }"), "'many' is not a whole number", 6);
    expect_in_worker(restart("breaker: { then: stop }"), "'stop' is not known here", 6);
    expect_in_worker(restart("breaker: { cap: 100% }"),
                     "the quarantine's cap at 100% is not below the hard limit", 6);
    expect_in_worker(restart("backoff: { from: 10m, to: 1m }"),
                     "the back-off begins at 10m, above its end of 1m", 6);
    expect_in_worker(restart("backoff: { from: 10m }"), "above its end of 5m (the default)", 6);
    expect_in_worker(restart("backoff: { from: 0s }"), "must be more than 0", 6);
    expect_in_worker("    near_oom: { brake: { docker_timeout: 1h } }\n", "here the most is 1m");
    expect_in_worker("    near_oom: { drain: { grace: forever } }\n",
                     "neither 'from_container' nor a duration");
    expect_in_worker("    near_oom: { drain: { grace: 10 } }\n", "it has no unit");
}

TEST(LoadBadInput, RefusesTwoPoliciesForOneService) {
    const std::string a =
        "version: 1\nservices:\n  a:\n    match: { project: shop, service: [redis, postgres] }\n";
    const std::string b =
        "version: 1\nservices:\n  b:\n    match: { service: [postgres, redis], project: [shop] }\n";
    const auto result = load({{"a.yaml", a}, {"b.yaml", b}}, no_environment);
    EXPECT_FALSE(result.policy);
    ASSERT_EQ(result.diagnostics.size(), 1U) << all_of(result);
    EXPECT_EQ(result.diagnostics[0].file, "b.yaml");
    EXPECT_EQ(result.diagnostics[0].line, 4);
    EXPECT_EQ(result.diagnostics[0].message,
              "two policies for one service: 'b' has the same match as 'a' at a.yaml:4:12");
}

TEST(LoadBadInput, RefusesOneNameInTwoFiles) {
    const auto file = [](const std::string& service) {
        return "version: 1\nservices:\n  a:\n    match: { service: " + service + " }\n";
    };
    const auto result = load({{"a.yaml", file("x")}, {"b.yaml", file("y")}}, no_environment);
    EXPECT_FALSE(result.policy);
    ASSERT_EQ(result.diagnostics.size(), 1U) << all_of(result);
    EXPECT_EQ(result.diagnostics[0].file, "b.yaml");
    EXPECT_EQ(result.diagnostics[0].message, "a policy named 'a' exists already, at a.yaml:3:3");
}

TEST(LoadBadInput, RefusesNamesThatNoMetricCanHave) {
    expect_error("version: 1\nservices:\n  \"a b\": { match: { service: a } }\n",
                 "'a b' cannot be a policy's name", 3);
}

TEST(LoadBadInput, NamesTheVariableThatIsNotSet) {
    expect_in_worker("    memory: { hard: \"${HARD}\" }\n", "the environment variable HARD is not set");
    expect_in_worker("    memory:\n      hard: ${HARD}\n", "the environment variable HARD is not set", 6);
    expect_in_worker("    memory: { hard: \"${HARD\" }\n", "'${' without its '}'");
    expect_in_worker("    memory: { hard: \"$HARD\" }\n", "a lone '$'");
    expect_in_worker("    memory: { hard: \"${1X}\" }\n", "does not name a variable");
    expect_in_worker("    memory: { hard: \"${A-b}\" }\n", "does not name a variable");
    expect_in_worker("    memory: { hard: ${HARD} }\n", "must be quoted: \"${NAME}\"");
    const auto two_gx = [](std::string_view) { return std::optional<std::string>("2Gx"); };
    expect_error(matched_worker("    memory: { hard: \"${HARD}\" }\n"),
                 "'2Gx' (from '${HARD}') is not a size", 5, two_gx);
}

TEST(LoadBadInput, DoesNotPrintASecretOfAUrl) {
    const auto secret = [](std::string_view) {
        return std::optional<std::string>("https://a/?token=hunter2");
    };
    const auto result = load_text(
        matched_worker("    near_oom: { warn: { when: { eta: 3s }, http: \"${URL}\" } }\n"), secret);
    EXPECT_FALSE(result.policy);
    EXPECT_EQ(all_of(result).find("hunter2"), std::string::npos) << all_of(result);
}

TEST(LoadBadInput, RefusesCyclesAndBombs) {
    expect_error("version: 1\nservices: &a\n  x: *a\n", "inside the very section", 3);
    expect_error("a: &a [*a]\n", "inside the very section", 1);
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const auto name = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + name;
        for (int j = 0; j < 9; ++j) bomb += ", " + name;
        bomb += "]\n";
    }
    expect_error(bomb, "more than 100000 values", 5);
}

TEST(LoadBadInput, RefusesDepth) {
    for (const std::string_view bracket : {"[", "{a: ", "{", "- ", "? "}) {
        std::string deep;
        for (int i = 0; i < 100'000; ++i) deep += bracket;
        const auto result = load_text(deep);
        EXPECT_FALSE(result.policy);
        EXPECT_GE(count(result, Severity::kError), 1U) << bracket;
    }
    EXPECT_NE(find(load_text(std::string(1000, '[')), "nested deeper than 64 levels"), nullptr);
    std::string chain = "a0: &a0 [x]\n";
    for (int i = 1; i < 100; ++i)
        chain +=
            "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
    EXPECT_NE(find(load_text(chain), "nested deeper than 64 levels"), nullptr);
}

TEST(LoadBadInput, RefusesNoise) {
    std::mt19937 random(7);
    std::string noise(10U << 20U, '\0');
    for (auto& c : noise) c = static_cast<char>(random());
    expect_error(noise, "the most is 1MiB", 1);
    const auto small = load_text(noise.substr(0, 4096));
    ASSERT_EQ(small.diagnostics.size(), 1U);
    EXPECT_NE(small.diagnostics[0].message.find("text file"), std::string::npos);
    expect_error(std::string("version: 1\n\0", 12), "0x00", 2);
    expect_error("version: 1\n# caf\xE9\n", "not a UTF-8 text file: it has the byte 0xe9", 2);
}

TEST(LoadBadInput, ExplainsWhatYamlRefuses) {
    expect_error("version: 1\nservices:\n\ta: b\n", "spaces, not with tabs", 3);
    expect_error("version: 1\nservices: { a: { match: { service: a } } }\n---\nversion: 1\n",
                 "a second one begins", 4);
    expect_error(matched_worker("    <<: *x\n"), "this is not YAML", 5);
    expect_error(matched_worker("    memory: !!map { hard: 2g }\n"), "tags are not used", 5);
}

TEST(LoadBadInput, CountsColumnsInCharacters) {
    const auto result = load_text(
        matched_worker("    near_oom: { warn: { when: { eta: 3s }, exec: [ \"\u00e9\u00e9\", [] ] } }\n"));
    ASSERT_EQ(result.diagnostics.size(), 1U) << all_of(result);
    EXPECT_EQ(result.diagnostics[0].column, 58);
}

TEST(LoadBadInput, DoesNotLetAFileDriveTheTerminal) {
    Diagnostic diagnostic{Severity::kError, "a\x1b[31m.yaml", 1,       1,
                          "p\x07",          "m\x1b]0;x\x07",  "h\x08", "s\x1b[2J"};
    for (const char c : to_string(diagnostic))
        EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
}

TEST(LoadBadInput, BoundsItsOutput) {
    std::string text = "version: 1\nservices:\n  a:\n    match: { service: a }\n";
    for (int i = 0; i < 40'000; ++i) text += "    k" + std::to_string(i) + ": 1\n";
    const auto result = load_text(text);
    EXPECT_FALSE(result.policy);
    EXPECT_EQ(result.diagnostics.size(), 501U);
    EXPECT_NE(result.diagnostics.back().message.find("39500 more"), std::string::npos);
}

}  // namespace
}  // namespace policies::testing
