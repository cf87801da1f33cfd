// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

namespace policies::testing {
namespace {

using namespace std::chrono_literals;

LoadResult loaded(const std::string& near_oom, const std::string& more = {}) {
    return load_text(matched_worker("    near_oom: " + near_oom + "\n" + more));
}

NearOom near_oom_of(const LoadResult& result) {
    EXPECT_TRUE(result.policy) << all_of(result);
    return result.policy ? *result.policy->services.front().near_oom : NearOom{};
}

TEST(LoadRecycle, HasItsDocumentedDefaults) {
    const auto near = near_oom_of(loaded("{ do: recycle }"));
    EXPECT_EQ(near.action, NearOomAction::kRecycle);
    EXPECT_TRUE(near.recycle.processes.empty());
    EXPECT_EQ(near.recycle.signal, 15);
    EXPECT_EQ(near.recycle.grace, 20s);
    EXPECT_EQ(near.recycle.respawn, 10s);
    EXPECT_EQ(near.recycle.every, 1s);
    EXPECT_EQ(near.recycle.weight, Permille{20});
}

TEST(LoadRecycle, ReadsEveryKey) {
    const auto near =
        near_oom_of(loaded("{ do: auto, recycle: { processes: [\"php-fpm: pool*\"], signal: QUIT, grace: 1m, "
                           "respawn: not_expected, "
                           "every: 5s, weight: 50% } }"));
    EXPECT_EQ(near.action, NearOomAction::kAuto);
    EXPECT_EQ(near.recycle.processes, std::vector<std::string>{"php-fpm: pool*"});
    EXPECT_EQ(near.recycle.signal, 3);
    EXPECT_EQ(near.recycle.grace, 1min);
    EXPECT_EQ(near.recycle.respawn, std::nullopt);
    EXPECT_EQ(near.recycle.every, 5s);
    EXPECT_EQ(near.recycle.weight, Permille{500});
}

void refused(const std::string& near_oom, std::string_view part, const std::string& more = {}) {
    const auto result = loaded(near_oom, more);
    EXPECT_FALSE(result.policy) << near_oom;
    EXPECT_NE(find(result, part), nullptr) << near_oom << "\n" << all_of(result);
}

TEST(LoadRecycle, RefusesSignalsThatAreNotGraceful) {
    for (const char* signal : {"KILL", "9", "SIGSTOP", "ABRT", "SEGV", "TSTP"})
        refused("{ do: recycle, recycle: { signal: " + std::string(signal) + " } }", "is no graceful signal");
    refused("{ do: recycle, recycle: { signal: TREM } }", "is not a signal");
    refused("{ do: recycle, recycle: { signal: 0 } }", "is not a signal");
    EXPECT_EQ(near_oom_of(loaded("{ do: recycle, recycle: { signal: RTMIN+3 } }")).recycle.signal, 37);
    EXPECT_EQ(near_oom_of(loaded("{ do: recycle, recycle: { signal: winch } }")).recycle.signal, 28);
}

TEST(LoadRecycle, RefusesWhatItCannotBe) {
    refused("{ do: recyle }", "'recyle' is not known here");
    refused("{ do: recycle, recycle: { respawn: soon } }", "neither 'not_expected' nor a duration");
    refused("{ do: recycle, recycle: { respawn: 1d } }", "is too long");
    refused("{ do: recycle, recycle: { grace: 0s } }", "must be more than 0");
    refused("{ do: recycle, recycle: { weight: 101% } }", "at most 100%");
    refused("{ do: recycle, recycle: { processes: [] } }", "the list is empty");
    refused("{ do: recycle, recycle: { proceses: x } }", "unknown key 'proceses'");
}

TEST(LoadRecycle, RefusesWhatNeverForbids) {
    for (const char* never : {"freeze", "restart", "kill"})
        for (const char* action : {"recycle", "auto"})
            refused("{ do: " + std::string(action) + " }", "forbids what near_oom's '" + std::string(action),
                    "    never: [" + std::string(never) + "]\n");
    refused("{ do: hold }", "forbids what near_oom's 'hold'", "    never: [freeze]\n");
    // A hold restarts and kills nothing.
    EXPECT_TRUE(loaded("{ do: hold }", "    never: [restart, kill]\n").policy);
}

TEST(LoadRecycle, WarnsOfWhatHasNoEffect) {
    EXPECT_NE(find(loaded("{ do: graceful_restart, recycle: { grace: 5s } }"), "'recycle' has no effect"),
              nullptr);
    EXPECT_NE(find(loaded("{ do: hold, drain: { grace: 5s } }"), "'drain' has no effect"), nullptr);
    EXPECT_EQ(find(loaded("{ do: auto, drain: { grace: 5s } }"), "has no effect"), nullptr);
}

TEST(LoadRecycle, AHoldNeedsSomeoneWhoHears) {
    EXPECT_NE(find(loaded("{ do: hold }"), "no hook takes the event 'held'"), nullptr);
    for (const char* on : {"held", "hel*", "[armed, held]"})
        EXPECT_EQ(find(loaded("{ do: hold }", "hooks:\n  - { on: " + std::string(on) +
                                                  ", webhook: { url: \"http://a/\" } }\n"),
                       "no hook takes"),
                  nullptr)
            << on;
}

}  // namespace
}  // namespace policies::testing
