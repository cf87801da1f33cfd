// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/supervised.hpp"

#include <gtest/gtest.h>

// `restart_with`: what is restarted after a container, how, and what is not.
namespace governor {
namespace {

class DependantsTest : public SupervisorTest {
  protected:
    DependantsTest() {
        policy_.services[0].restart_with = policies::RestartWith{{"web*"}, true};
        use_policy();
        engine_.on("GET", "/_ping", test::Reply::json("OK"));
    }
    void use_policy() { supervisor_->set_policy(std::make_shared<policies::Policy>(policy_)); }
    /// A policy for another service.
    policies::ServicePolicy& govern(const std::string& service) {
        policies::ServicePolicy policy;
        policy.name = service;
        policy.match.service = {service};
        policy_.services.push_back(policy);
        return policy_.services.back();
    }
    void share_namespace(char digit, const std::string& service, char with, const std::string& mode) {
        engine_.forget("GET", "/containers/" + id_of(digit) + "/json");
        std::string text = inspect(id_of(digit), service, 268435456);
        const std::string config = R"("HostConfig":{)";
        text.insert(text.find(config) + config.size(),
                    "\"" + mode + R"(":"container:)" + id_of(with) + R"(",)");
        engine_.on("GET", "/containers/" + id_of(digit) + "/json", test::Reply::json(text));
    }
    void add_dependant(char digit, const std::string& service) {
        add(digit, service, 1 << 20, 268435456);
        engine_.on("POST", "/containers/" + id_of(digit) + "/restart", test::Reply::json(""));
    }
    /// Trips 'a' and takes it through its restart.
    bool restart_source() {
        test::add_scope(tree_, id_of('a'), 240 << 20, "268435456");
        supervisor_->on_event({"container", "update", id_of('a'), {}, 1});
        const auto asked = actuator_.times<policies::AskStop>();
        if (asked == 0 && !test::run_until(io_, [&] { return actuator_.times<policies::AskStop>() > 0; }))
            return false;
        comes_back('a');
        return test::run_until(io_, [&] { return sink_.last("restart_finished") != nullptr; });
    }
    void comes_back(char digit) {
        supervisor_->on_event({"container", "kill", id_of(digit), {{"signal", "15"}}, 1});
        supervisor_->on_event({"container", "die", id_of(digit), {{"exitCode", "0"}}, 1});
        tree_.remove("system.slice/docker-" + id_of(digit) + ".scope");
        test::add_scope(tree_, id_of(digit), 1 << 20, "268435456");
        supervisor_->on_event({"container", "start", id_of(digit), {}, 1});
    }
    std::size_t restarts(char digit) {
        return engine_.count("POST", "/containers/" + id_of(digit) + "/restart");
    }
};

TEST_F(DependantsTest, WhoSharesItsNetworkNamespaceIsRestartedByDocker) {
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "sidecar");
    add_dependant('c', "postgres");
    share_namespace('b', "sidecar", 'a', "NetworkMode");
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b') && armed('c'); }));
    ASSERT_TRUE(restart_source());
    ASSERT_TRUE(test::run_until(io_, [&] { return restarts('b') == 1; }));
    const auto* told = sink_.last("restarted_with");
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(told->subject->service, "sidecar");
    EXPECT_NE(told->detail.find("shop-coach-1, whose network namespace it shares"), std::string::npos)
        << told->detail;
    EXPECT_NE(sink_.last("restart_finished")->detail.find("are restarted now: shop-sidecar-1 (network)"),
              std::string::npos)
        << sink_.last("restart_finished")->detail;
    comes_back('b');
    EXPECT_EQ(sink_.last("left_alone"), nullptr) << "no stop by another";
    ASSERT_TRUE(test::run_until(io_, [&] { return armed('b'); }));
    io_.run_for(50ms);
    EXPECT_EQ(restarts('b'), 1U);
    EXPECT_EQ(restarts('c'), 0U);
    EXPECT_EQ(restarts('a'), 0U);
    supervisor_->on_event({"container", "kill", id_of('b'), {{"signal", "15"}}, 1});
    EXPECT_NE(sink_.last("left_alone"), nullptr) << "the next stop is another's again";
}

TEST_F(DependantsTest, OneThatActsIsRestartedByItsOwnPolicy) {
    govern("web").near_oom.emplace();
    use_policy();
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "web");
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b'); }));
    ASSERT_TRUE(restart_source());
    ASSERT_TRUE(test::run_until(io_, [&] { return actuator_.times<policies::AskStop>() == 2; }));
    EXPECT_EQ(actuator_.targets.back(), "shop-web-1");
    ASSERT_NE(sink_.last("restarted_with"), nullptr);
    EXPECT_NE(sink_.last("restarted_with")->detail.find("names it"), std::string::npos);
    comes_back('b');
    ASSERT_TRUE(test::run_until(io_, [&] { return armed('b'); }));
    EXPECT_EQ(restarts('b'), 0U);
    EXPECT_EQ(state('b').restarts.count(), 0U) << "not counted towards its breaker";
}

TEST_F(DependantsTest, TwoThatNameEachOtherEndAfterOneRound) {
    auto& web = govern("web");
    web.near_oom.emplace();
    web.restart_with = policies::RestartWith{{"coach"}, false};
    use_policy();
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "web");
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b'); }));
    ASSERT_TRUE(restart_source());
    ASSERT_TRUE(test::run_until(io_, [&] { return actuator_.times<policies::AskStop>() == 2; }));
    comes_back('b');
    ASSERT_TRUE(test::run_until(io_, [&] { return armed('b'); }));
    io_.run_for(300ms);
    EXPECT_EQ(actuator_.times<policies::AskStop>(), 2);
}

TEST_F(DependantsTest, WhatMayNotBeRestartedIsNot) {
    govern("web-never").never.restart = true;
    auto& hold = govern("web-hold");
    hold.near_oom.emplace().action = policies::NearOomAction::kHold;
    use_policy();
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "web-never");
    add_dependant('c', "web-hold");
    add_dependant('d', "web-off");
    add_dependant('e', "web-paused");
    add_dependant('f', "web-last");
    engine_.forget("GET", "/containers/" + id_of('d') + "/json");
    engine_.on("GET", "/containers/" + id_of('d') + "/json",
               test::Reply::json(inspect(id_of('d'), "web-off", 268435456, R"(,"governor.enable":"false")")));
    ASSERT_TRUE(settle(
        [&] { return armed('a') && armed('b') && armed('c') && armed('d') && armed('e') && armed('f'); }));
    supervisor_->on_event({"container", "pause", id_of('e'), {}, 1});
    ASSERT_TRUE(restart_source());
    // The last of them shows that the others were passed over.
    ASSERT_TRUE(test::run_until(io_, [&] { return restarts('f') == 1; }));
    for (const char digit : std::string("bcde")) EXPECT_EQ(restarts(digit), 0U) << digit;
    EXPECT_EQ(actuator_.times<policies::AskStop>(), 1);
}

TEST_F(DependantsTest, OneAfterAnother) {
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "web1");
    add_dependant('c', "web2");
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b') && armed('c'); }));
    ASSERT_TRUE(restart_source());
    ASSERT_TRUE(test::run_until(io_, [&] { return restarts('b') == 1; }));
    io_.run_for(300ms);
    EXPECT_EQ(restarts('c'), 0U) << "the first is not back";
    comes_back('b');
    EXPECT_TRUE(test::run_until(io_, [&] { return restarts('c') == 1; }));
}

TEST_F(DependantsTest, WhoDiedWithItsProcessNamespaceIsBroughtBack) {
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "sidecar");
    share_namespace('b', "sidecar", 'a', "PidMode");
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b'); }));
    test::add_scope(tree_, id_of('a'), 240 << 20, "268435456");
    supervisor_->on_event({"container", "update", id_of('a'), {}, 1});
    ASSERT_TRUE(test::run_until(io_, [&] { return actuator_.times<policies::AskStop>() > 0; }));
    // The kernel ends it together with the other's first process.
    supervisor_->on_event({"container", "die", id_of('b'), {{"exitCode", "137"}}, 1});
    comes_back('a');
    EXPECT_TRUE(test::run_until(io_, [&] { return restarts('b') == 1; }));
}

TEST_F(DependantsTest, WhoDoesNotRunStaysSo) {
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "web");
    add_dependant('c', "web2");
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b') && armed('c'); }));
    supervisor_->on_event({"container", "die", id_of('b'), {{"exitCode", "0"}}, 1});
    ASSERT_TRUE(restart_source());
    ASSERT_TRUE(test::run_until(io_, [&] { return restarts('c') == 1; }));
    EXPECT_EQ(restarts('b'), 0U);
}

TEST_F(DependantsTest, WithoutRestartWithNobodyFollows) {
    policy_.services[0].restart_with.reset();
    use_policy();
    add('a', "coach", 1 << 20, 268435456);
    add_dependant('b', "web");
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b'); }));
    ASSERT_TRUE(restart_source());
    io_.run_for(50ms);
    EXPECT_EQ(restarts('b'), 0U);
}

}  // namespace
}  // namespace governor
