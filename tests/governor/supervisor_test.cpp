// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/supervised.hpp"

#include <gtest/gtest.h>

#include <map>

namespace governor {
namespace {

TEST_F(SupervisorTest, ArmsWhatRunsAlready) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    EXPECT_EQ(file('a', "memory.high").substr(0, 9),
              std::to_string(policies::share_of(256_MiB, {900}).value));
    EXPECT_EQ(state('a').grace, 7s) << "the container's own stop_grace_period";
    EXPECT_EQ(engine_.count("POST", "/containers/" + id_of('a') + "/update"), 0U)
        << "its limit was right already";
    ASSERT_NE(sink_.last("armed"), nullptr);
}

TEST_F(SupervisorTest, PutsTheHardLimitThroughDocker) {
    add('a', "coach", 1 << 20, 0);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    EXPECT_EQ(engine_.count("POST", "/containers/" + id_of('a') + "/update"), 1U);
    EXPECT_EQ(state('a').hard, 256_MiB);
}

TEST_F(SupervisorTest, NeverLowersALimitBelowWhatIsUsed) {
    // The kernel would kill at once.
    add('a', "coach", 250 << 20, 0);
    ASSERT_TRUE(settle([&] { return armed('a') && actuator_.times<policies::Freeze>() > 0; }));
    EXPECT_EQ(engine_.count("POST", "/containers/" + id_of('a') + "/update"), 0U);
    EXPECT_EQ(actuator_.times<policies::AskStop>(), 1) << "it is brought down gracefully instead";
}

TEST_F(SupervisorTest, ALeakIsSeenByASampleToo) {
    add('a', "coach", 240 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return actuator_.times<policies::Freeze>() > 0; }));
    EXPECT_EQ(actuator_.targets.front(), "shop-coach-1");
}

TEST_F(SupervisorTest, WithoutAPolicyItIsWatchedAndNothingIsWritten) {
    add('b', "postgres", 250 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('b') && state('b').has_sample; }));
    EXPECT_EQ(file('b', "memory.high"), "max\n");
    EXPECT_TRUE(actuator_.actions.empty());
}

TEST_F(SupervisorTest, LabelsSwitchItOff) {
    add('a', "coach", 250 << 20, 268435456, R"(,"governor.enable":"false")");
    ASSERT_TRUE(settle([&] { return armed('a') && state('a').has_sample; }));
    EXPECT_TRUE(actuator_.actions.empty());
}

TEST_F(SupervisorTest, AOneOffIsNotTheService) {
    add('a', "coach", 250 << 20, 268435456, R"(,"com.docker.compose.oneoff":"True")");
    add('b', "postgres", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('b'); }));
    EXPECT_EQ(supervisor_->find(id_of('a')), nullptr);
}

TEST_F(SupervisorTest, NeverActsOnItself) {
    add('9', "coach", 250 << 20, 268435456);
    add('b', "postgres", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('b'); }));
    EXPECT_EQ(supervisor_->find(id_of('9')), nullptr);
}

TEST_F(SupervisorTest, APausedContainerIsLeftAlone) {
    add('a', "coach", 250 << 20, 268435456, "", R"("Running":true,"Paused":true)");
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    EXPECT_EQ(state('a').phase, policies::Phase::kPaused);
    EXPECT_EQ(actuator_.times<policies::Freeze>(), 0);
}

TEST_F(SupervisorTest, AForeignStopIsNoAlarm) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    docker::Event kill{"container", "kill", id_of('a'), {{"signal", "15"}}, 1};
    supervisor_->on_event(kill);
    EXPECT_EQ(state('a').phase, policies::Phase::kLeftAlone);
    EXPECT_EQ(actuator_.times<policies::Freeze>(), 0);
}

TEST_F(SupervisorTest, ASignalThatDoesNotEndItChangesNothing) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    supervisor_->on_event({"container", "kill", id_of('a'), {{"signal", "1"}}, 1});
    EXPECT_EQ(state('a').phase, policies::Phase::kWatching);
}

TEST_F(SupervisorTest, DockersKillEventMeansThatOurSignalIsPending) {
    add('a', "coach", 240 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return actuator_.times<policies::AskStop>() > 0; }));
    supervisor_->on_event({"container", "kill", id_of('a'), {{"signal", "15"}}, 1});
    EXPECT_EQ(state('a').phase, policies::Phase::kDraining);
    EXPECT_EQ(actuator_.times<policies::Thaw>(), 1);
}

TEST_F(SupervisorTest, ADriftedTripwireIsSetBackAndTold) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a') && state('a').has_sample; }));
    tree_.file("system.slice/docker-" + id_of('a') + ".scope/memory.high", "max\n");
    supervisor_->on_event({"container", "update", id_of('a'), {}, 1});
    ASSERT_TRUE(test::run_until(io_, [&] { return sink_.last("drift_repaired") != nullptr; }));
    EXPECT_EQ(actuator_.last<policies::SetTripwire>()->value, policies::share_of(256_MiB, {900}));
}

TEST_F(SupervisorTest, ADestroyedContainerIsForgotten) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    supervisor_->on_event({"container", "destroy", id_of('a'), {}, 1});
    EXPECT_TRUE(supervisor_->entries().empty());
}

TEST_F(SupervisorTest, TheEndLiftsTheTripwire) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    supervisor_->stand_down();
    EXPECT_EQ(file('a', "memory.high").substr(0, 3), "max");
}

TEST_F(SupervisorTest, AQuarantineOutlivesTheGovernorAndAFailedLook) {
    History known;
    known.quarantined = true;
    history_.put(id_of('a'), known);
    history_.put(id_of('c'), known);
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    EXPECT_EQ(state('a').phase, policies::Phase::kQuarantined);
    EXPECT_FALSE(history_.find(id_of('c'))) << "that container is no more";
}

TEST_F(SupervisorTest, ManyAreArmedAFewAtATime) {
    for (const char digit : std::string("abcdef012345678")) {
        add(digit, "coach", 1 << 20, 268435456);
        engine_.forget("GET", "/containers/" + id_of(digit) + "/json");
        engine_.on("GET", "/containers/" + id_of(digit) + "/json", test::Reply::never());
    }
    const auto asked = [&] {
        std::size_t inspects = 0;
        for (const test::Request& request : engine_.requests())
            inspects += request.target.find("/json?") == std::string::npos ? 1U : 0U;
        return inspects;
    };
    EXPECT_TRUE(settle([&] { return asked() == 8; }));
    io_.run_for(50ms);
    EXPECT_EQ(asked(), 8U) << "Docker would answer the rest too late";
}

TEST_F(SupervisorTest, FarFromTheLimitOneNumberIsLookedAt) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a') && state('a').has_sample; }));
    tree_.remove("system.slice/docker-" + id_of('a') + ".scope/memory.stat");
    ASSERT_TRUE(test::run_until(io_, [&] { return state('a').glanced_at != policies::TimePoint::min(); }));
    EXPECT_FALSE(supervisor_->find(id_of('a'))->stale) << "memory.stat was not missed";
}

TEST_F(SupervisorTest, TheRegularCheckDoesNotAskForEveryContainer) {
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    const std::string path = "/containers/" + id_of('a') + "/json";
    const auto before = engine_.count("GET", path);
    bool done = false;
    boost::asio::co_spawn(io_, supervisor_->reconcile(false),
                          [&done](const std::exception_ptr&) { done = true; });
    ASSERT_TRUE(test::run_until(io_, [&] { return done; }));
    EXPECT_EQ(engine_.count("GET", path), before);
}

/// `inspect` of the coach with one part replaced.
std::string inspect_with(const std::string& from, const std::string& to) {
    std::string text = inspect(id_of('a'), "coach", 268435456);
    text.replace(text.find(from), from.size(), to);
    return text;
}
constexpr const char* kStopTimeout = R"("StopTimeout":7)";

TEST_F(SupervisorTest, ItsOwnStopSignalIsReadByDockersRules) {
    add('a', "coach", 1 << 20, 268435456);
    engine_.forget("GET", "/containers/" + id_of('a') + "/json");
    engine_.on("GET", "/containers/" + id_of('a') + "/json",
               test::Reply::json(inspect_with(kStopTimeout, R"("StopSignal":"sigusr1")")));
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    for (const char* foreign : {"15", "2", "3", "1", "TERM", "", "nonsense"}) {
        supervisor_->on_event({"container", "kill", id_of('a'), {{"signal", foreign}}, 1});
        EXPECT_EQ(state('a').phase, policies::Phase::kWatching) << foreign;
    }
    supervisor_->on_event({"container", "kill", id_of('a'), {{"signal", "10"}}, 1});
    EXPECT_EQ(state('a').phase, policies::Phase::kLeftAlone);
}

TEST_F(SupervisorTest, AReloadSignalDoesNotThawWhatDockerHasNotSignalled) {
    add('a', "coach", 240 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return actuator_.times<policies::AskStop>() > 0; }));
    supervisor_->on_event({"container", "kill", id_of('a'), {{"signal", "1"}}, 1});
    EXPECT_EQ(state('a').phase, policies::Phase::kSignalling);
    EXPECT_EQ(actuator_.times<policies::Thaw>(), 0);
}

TEST_F(SupervisorTest, AnyStopTimeoutBecomesAGrace) {
    const std::map<char, std::string> endless{{'a', "-1"}, {'b', "9223372036854775807"}, {'c', "9300000000"}};
    for (const auto& [digit, seconds] : endless) {
        add(digit, "coach", 1 << 20, 268435456);
        std::string text = inspect(id_of(digit), "coach", 268435456);
        text.replace(text.find(kStopTimeout), std::string(kStopTimeout).size(), "\"StopTimeout\":" + seconds);
        engine_.forget("GET", "/containers/" + id_of(digit) + "/json");
        engine_.on("GET", "/containers/" + id_of(digit) + "/json", test::Reply::json(text));
    }
    ASSERT_TRUE(settle([&] { return armed('a') && armed('b') && armed('c'); }));
    for (const auto& [digit, seconds] : endless) {
        EXPECT_TRUE(state(digit).grace.is_infinite()) << seconds;
        EXPECT_EQ(supervisor_->find(id_of(digit))->controller->target().run->state_grace, digit != 'a')
            << "Docker's own arithmetic overflows with " << seconds;
    }
}

TEST_F(SupervisorTest, ARenamedContainerIsSelectedAnewAndBearsItsNewName) {
    policies::ServicePolicy canary = policy_.services[0];
    canary.name = "canary";
    canary.match = {};
    canary.match.container = {"canary-*"};
    policies::Policy both;
    both.services = {canary};
    supervisor_->set_policy(std::make_shared<policies::Policy>(both));
    add('a', "coach", 1 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    ASSERT_EQ(supervisor_->find(id_of('a'))->controller->subject()->policy, "");
    engine_.forget("GET", "/containers/" + id_of('a') + "/json");
    engine_.on("GET", "/containers/" + id_of('a') + "/json",
               test::Reply::json(inspect_with("/shop-coach-1", "/canary-7")));
    supervisor_->on_event(
        {"container", "rename", id_of('a'), {{"name", "canary-7"}, {"oldName", "/shop-coach-1"}}, 1});
    ASSERT_TRUE(test::run_until(
        io_, [&] { return supervisor_->find(id_of('a'))->controller->subject()->policy == "canary"; }));
    EXPECT_EQ(supervisor_->find(id_of('a'))->controller->subject()->name, "canary-7");
    ASSERT_TRUE(test::run_until(io_, [&] { return file('a', "memory.high") != "max\n"; }));
    EXPECT_TRUE(test::run_until(io_, [&] { return sink_.last("armed")->subject->name == "canary-7"; }));
}

TEST_F(SupervisorTest, ANewAddressIsKnownWhenANetworkIsConnected) {
    const auto with_address = [&](const std::string& address) {
        engine_.forget("GET", "/containers/" + id_of('a') + "/json");
        engine_.on("GET", "/containers/" + id_of('a') + "/json",
                   test::Reply::json(inspect_with(R"("HostConfig":)",
                                                  R"("NetworkSettings":{"Networks":{"back":{"IPAddress":")" +
                                                      address + R"("}}},"HostConfig":)")));
    };
    add('a', "coach", 1 << 20, 268435456);
    with_address("172.18.0.2");
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    const auto address = [&] {
        return supervisor_->find(id_of('a'))->controller->target().addresses.at("back");
    };
    ASSERT_EQ(address(), "172.18.0.2");
    with_address("172.18.0.9");
    supervisor_->on_event({"network", "connect", "n1", {{"container", id_of('a')}, {"name", "back"}}, 1});
    EXPECT_TRUE(test::run_until(io_, [&] { return address() == "172.18.0.9"; }));
    // One that nobody knows, and other actions, are nothing to look at.
    supervisor_->on_event({"network", "connect", "n1", {{"container", id_of('f')}}, 1});
    supervisor_->on_event({"network", "create", "n1", {}, 1});
    EXPECT_EQ(supervisor_->find(id_of('f')), nullptr);
}

TEST_F(SupervisorTest, TheEventOfARestartNamesWhoSharesItsNamespaces) {
    add('a', "coach", 240 << 20, 268435456);
    add('b', "sidecar", 1 << 20, 268435456);
    engine_.forget("GET", "/containers/" + id_of('b') + "/json");
    std::string sidecar = inspect(id_of('b'), "sidecar", 268435456);
    const std::string config = R"("HostConfig":{)";
    sidecar.insert(sidecar.find(config) + config.size(),
                   R"("NetworkMode":"container:)" + id_of('a') + R"(",)");
    engine_.on("GET", "/containers/" + id_of('b') + "/json", test::Reply::json(sidecar));
    ASSERT_TRUE(settle([&] { return armed('b') && actuator_.times<policies::AskStop>() > 0; }));
    supervisor_->on_event({"container", "kill", id_of('a'), {{"signal", "15"}}, 1});
    supervisor_->on_event({"container", "die", id_of('a'), {{"exitCode", "0"}}, 1});
    supervisor_->on_event({"container", "start", id_of('a'), {}, 1});
    ASSERT_TRUE(test::run_until(io_, [&] { return sink_.last("restart_finished") != nullptr; }));
    EXPECT_NE(sink_.last("restart_finished")->detail.find("shop-sidecar-1 (network)"), std::string::npos)
        << sink_.last("restart_finished")->detail;
}

}  // namespace
}  // namespace governor
