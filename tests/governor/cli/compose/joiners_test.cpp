// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/joiners.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace governor::cli::compose {
namespace {

using testing::HasSubstr;

policies::Policy restarts(const std::string& service) {
    policies::ServicePolicy policy;
    policy.name = "worker";
    policy.match.service = {service};
    policy.near_oom.emplace();
    policies::Policy out;
    out.services = {policy};
    return out;
}

std::vector<policies::Diagnostic> check(const std::string& text,
                                        const policies::Policy& policy = restarts("app")) {
    return check_joiners({"compose.yaml", text}, "", "shop", policy);
}

TEST(ComposeJoiners, NamesWhoSharesANamespaceOfAServiceThatIsRestarted) {
    const auto found = check(
        "services:\n  app: { image: x }\n"
        "  net: { image: x, network_mode: \"service:app\" }\n"
        "  pid:\n    image: x\n    pid: service:app\n"
        "  ipc: { image: x, ipc: \"container:shop-app-1\" }\n"
        "  other: { image: x, network_mode: host, pid: host }\n"
        "  away: { image: x, network_mode: \"container:elsewhere\" }\n");
    ASSERT_EQ(found.size(), 3U);
    for (const auto& each : found) EXPECT_EQ(each.severity, policies::Severity::kWarning);
    EXPECT_THAT(found[0].message, HasSubstr("'net' shares the network namespace of 'app'"));
    EXPECT_EQ(found[0].line, 3);
    EXPECT_THAT(found[1].message, HasSubstr("'pid' shares the pid namespace of 'app'"));
    EXPECT_EQ(found[1].line, 6);
    EXPECT_THAT(found[2].message, HasSubstr("'ipc' shares the ipc namespace of 'app'"));
}

TEST(ComposeJoiners, SaysNothingOfServicesThatAreNotRestarted) {
    const std::string text = "services:\n  app: { image: x }\n  net: { network_mode: \"service:app\" }\n";
    EXPECT_TRUE(check(text, restarts("net")).empty());
    policies::Policy notify = restarts("app");
    notify.services[0].near_oom->action = policies::NearOomAction::kNotify;
    EXPECT_TRUE(check(text, notify).empty());
    policies::Policy never = restarts("app");
    never.services[0].never.restart = true;
    EXPECT_TRUE(check(text, never).empty());
}

TEST(ComposeJoiners, FollowsMergesAndExtends) {
    const auto found = check(
        "x-side: &side { network_mode: \"service:app\" }\nservices:\n  app: { image: x }\n"
        "  merged:\n    <<: *side\n    image: x\n"
        "  extended:\n    extends: merged\n");
    ASSERT_EQ(found.size(), 2U);
}

TEST(ComposeJoiners, WhatIsNoComposeFileIsAnError) {
    for (const char* text : {"", "- a\n", "services: [", "\x01"}) {
        const auto found = check(text);
        ASSERT_FALSE(found.empty()) << text;
        EXPECT_EQ(found[0].severity, policies::Severity::kError) << text;
    }
}

}  // namespace
}  // namespace governor::cli::compose
