// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/supervised.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

// What the supervisor does for replicas of one service: who is away, whether there is room for a loan, and
// that nothing fights a limit that was raised for one.
namespace governor {
namespace {

constexpr policies::Bytes kHard = 256_MiB;
constexpr policies::Bytes kRaised = 272_MiB;

class ReplicasTest : public SupervisorTest {
  protected:
    ReplicasTest() {
        policy_.services[0].near_oom->loan = policies::Size{.bytes = 16_MiB, .share = {}};
        // The answers come from the tests, on a machine that may be busy.
        policy_.services[0].near_oom->brake.docker_timeout = 60s;
        use_policy();
        memory_available(4_GiB);
        engine_.on("GET", "/_ping", test::Reply::json("OK"));
    }
    void use_policy() { supervisor_->set_policy(std::make_shared<policies::Policy>(policy_)); }
    void memory_available(policies::Bytes available) {
        tree_.file("proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 0 kB\nMemAvailable: " +
                                       std::to_string(available.value >> 10U) +
                                       " kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    }
    void use_memory(char digit, policies::Bytes anon) {
        test::add_scope(tree_, id_of(digit), anon.value,
                        std::to_string(supervisor_->find(id_of(digit))->controller->state().hard.value));
        // Any update makes it look at once.
        supervisor_->on_event({"container", "update", id_of(digit), {}, 1});
    }
    /// 'a' restarts, 'b' is near its limit and asks for a loan.
    bool one_away_one_borrowing() {
        add('a', "coach", 240 << 20, 268435456);
        if (!settle([&] { return armed('a') && actuator_.times<policies::AskStop>() == 1; })) return false;
        add('b', "coach", 240 << 20, 268435456);
        supervisor_->on_event({"container", "start", id_of('b'), {}, 1});
        return test::run_until(io_, [&] { return actuator_.times<policies::GrantLoan>() == 1; });
    }
    const Target& target(char digit) { return supervisor_->find(id_of(digit))->controller->target(); }
    /// Asks as the actuator would, and waits for the answer.
    policies::LoanDone lend(char digit, policies::Bytes hard) {
        std::optional<policies::LoanDone> done;
        supervisor_->lend(target(digit), hard, [&](const InputEvent& what, const std::string& detail) {
            done = std::get<policies::LoanDone>(what);
            refusal_ = detail;
        });
        EXPECT_TRUE(test::run_until(io_, [&] { return done.has_value(); }));
        return done.value_or(policies::LoanDone{});
    }
    std::size_t updates(char digit) {
        return engine_.count("POST", "/containers/" + id_of(digit) + "/update");
    }
    void max_of(char digit, policies::Bytes limit) {
        tree_.file("system.slice/docker-" + id_of(digit) + ".scope/memory.max",
                   std::to_string(limit.value) + "\n");
    }
    std::string refusal_;
};

TEST_F(ReplicasTest, OfTwoThatComeNearTogetherOneRestartsAndTheOtherAsksForALoan) {
    ASSERT_TRUE(one_away_one_borrowing());
    EXPECT_EQ(actuator_.times<policies::AskStop>(), 1);
    EXPECT_EQ(actuator_.last<policies::GrantLoan>()->hard, kRaised);
    EXPECT_EQ(state('b').phase, policies::Phase::kBorrowing);
}

TEST_F(ReplicasTest, AnotherServiceIsNoReplica) {
    policies::ServicePolicy other = policy_.services[0];
    other.name = "other";
    other.match.service = {"postgres"};
    policy_.services.push_back(other);
    use_policy();
    add('a', "coach", 240 << 20, 268435456);
    add('b', "postgres", 240 << 20, 268435456);
    ASSERT_TRUE(settle([&] { return actuator_.times<policies::AskStop>() == 2; }));
    EXPECT_EQ(actuator_.times<policies::GrantLoan>(), 0);
}

TEST_F(ReplicasTest, ALoanSetsTheLimitThroughDockerAndNothingSetsItBack) {
    ASSERT_TRUE(one_away_one_borrowing());
    const auto before = updates('b');
    max_of('b', kRaised);
    // Docker's event may come before its answer.
    supervisor_->on_event({"container", "update", id_of('b'), {}, 1});
    io_.run_for(50ms);
    EXPECT_EQ(updates('b'), before) << "not set back while the loan is asked for";
    const auto done = lend('b', kRaised);
    EXPECT_TRUE(done.granted) << refusal_;
    EXPECT_EQ(done.hard, kRaised);
    ASSERT_EQ(updates('b'), before + 1);
    const auto body = nlohmann::json::parse(engine_.requests().back().body);
    EXPECT_EQ(body.at("Memory"), kRaised.value);
    EXPECT_EQ(body.at("MemorySwap"), kRaised.value) << "as little swap beside it as before";

    supervisor_->find(id_of('b'))->controller->feed(done);
    EXPECT_EQ(state('b').hard, kRaised);
    supervisor_->on_event({"container", "update", id_of('b'), {}, 1});
    engine_.forget("GET", "/containers/json");
    ASSERT_TRUE(settle([&] { return engine_.count("GET", "/containers/json") >= 2; }));
    io_.run_for(50ms);
    EXPECT_EQ(updates('b'), before + 1);
    EXPECT_EQ(state('b').hard, kRaised);
    EXPECT_EQ(sink_.last("drift_repaired"), nullptr) << "its own update is no drift";
}

TEST_F(ReplicasTest, SomebodyElsesUpdateDoesNotEndALoan) {
    ASSERT_TRUE(one_away_one_borrowing());
    max_of('b', kRaised);
    supervisor_->find(id_of('b'))->controller->feed(lend('b', kRaised));
    const auto before = updates('b');
    max_of('b', 300_MiB);
    engine_.forget("GET", "/containers/" + id_of('b') + "/json");
    engine_.on("GET", "/containers/" + id_of('b') + "/json",
               test::Reply::json(inspect(id_of('b'), "coach", 300 << 20)));
    supervisor_->on_event({"container", "update", id_of('b'), {}, 1});
    ASSERT_TRUE(test::run_until(io_, [&] { return updates('b') > before; }));
    EXPECT_EQ(nlohmann::json::parse(engine_.requests().back().body).at("Memory"), kRaised.value);
    EXPECT_TRUE(state('b').borrowed());
}

TEST_F(ReplicasTest, PaidBackItHasThePolicysLimit) {
    ASSERT_TRUE(one_away_one_borrowing());
    max_of('b', kRaised);
    supervisor_->find(id_of('b'))->controller->feed(lend('b', kRaised));
    max_of('b', kHard);
    std::optional<policies::LoanDone> done;
    supervisor_->take_back(target('b'), kHard, [&](const InputEvent& what, const std::string&) {
        done = std::get<policies::LoanDone>(what);
    });
    ASSERT_TRUE(test::run_until(io_, [&] { return done.has_value(); }));
    EXPECT_FALSE(done->granted);
    EXPECT_EQ(done->hard, kHard);
    EXPECT_EQ(nlohmann::json::parse(engine_.requests().back().body).at("Memory"), kHard.value);
}

TEST_F(ReplicasTest, AGovernorThatFindsARaisedLimitSetsItBack) {
    add('a', "coach", 100 << 20, 272 << 20);
    ASSERT_TRUE(settle([&] { return armed('a'); }));
    EXPECT_EQ(updates('a'), 1U);
    EXPECT_EQ(nlohmann::json::parse(engine_.requests().back().body).at("Memory"), kHard.value);
    EXPECT_EQ(state('a').hard, kHard);
}

TEST_F(ReplicasTest, ThereIsNoLoanThatTheHostHasNoRoomFor) {
    ASSERT_TRUE(one_away_one_borrowing());
    memory_available(8_MiB);
    EXPECT_FALSE(lend('b', kRaised).granted);
    EXPECT_NE(refusal_.find("than the host has available"), std::string::npos) << refusal_;
    memory_available(4_GiB);
    policy_.host.keep_free = policies::Size{.bytes = 5_GiB, .share = {}};
    use_policy();
    EXPECT_FALSE(lend('b', kRaised).granted);
    policy_.host.keep_free.reset();
    use_policy();
    EXPECT_TRUE(updates('b') == 0);
    max_of('b', kRaised);
    EXPECT_TRUE(lend('b', kRaised).granted) << refusal_;
}

TEST_F(ReplicasTest, ThereIsNoLoanBeyondWhatIsPromisedAlready) {
    policies::ServicePolicy large = policy_.services[0];
    large.name = "large";
    large.match.service = {"large"};
    large.memory.hard = policies::Size{.bytes = 8_GiB - 600_MiB, .share = {}};
    policy_.services.push_back(large);
    use_policy();
    ASSERT_TRUE(one_away_one_borrowing());
    max_of('b', kRaised);
    EXPECT_TRUE(lend('b', kRaised).granted) << refusal_;
    EXPECT_FALSE(lend('b', kHard + 100_MiB).granted);
    EXPECT_NE(refusal_.find("would be more than the host's"), std::string::npos) << refusal_;
}

TEST_F(ReplicasTest, ALimitAboveMustHaveRoomAsWell) {
    ASSERT_TRUE(one_away_one_borrowing());
    tree_.file("system.slice/memory.max", std::to_string((490_MiB).value) + "\n");
    tree_.file("system.slice/memory.high", "max\n");
    tree_.file("system.slice/memory.current", std::to_string((480_MiB).value) + "\n");
    tree_.file("system.slice/memory.stat",
               "anon " + std::to_string((480_MiB).value) +
                   "\nfile 0\nkernel 0\nshmem 0\nsock 0\nslab_reclaimable 0\nunevictable 0\n"
                   "inactive_anon " +
                   std::to_string((480_MiB).value) + "\nactive_anon 0\n");
    target('b').run->files.above()->refresh(1000);
    EXPECT_FALSE(lend('b', kRaised).granted);
    EXPECT_NE(refusal_.find("system.slice"), std::string::npos) << refusal_;
}

TEST_F(ReplicasTest, AReplicaIsAwayUntilItIsHealthy) {
    // 'a' has a health check.
    add('a', "coach", 240 << 20, 268435456, "", R"("Running":true,"Health":{"Status":"starting"})");
    ASSERT_TRUE(settle([&] { return actuator_.times<policies::AskStop>() == 1; }));
    supervisor_->on_event({"container", "kill", id_of('a'), {{"signal", "15"}}, 1});
    supervisor_->on_event({"container", "die", id_of('a'), {{"exitCode", "0"}}, 1});
    tree_.remove("system.slice/docker-" + id_of('a') + ".scope");
    test::add_scope(tree_, id_of('a'), 1 << 20, "268435456");
    supervisor_->on_event({"container", "start", id_of('a'), {}, 1});
    ASSERT_TRUE(test::run_until(io_, [&] { return sink_.last("restart_finished") != nullptr; }));
    add('b', "coach", 240 << 20, 268435456);
    supervisor_->on_event({"container", "start", id_of('b'), {}, 1});
    ASSERT_TRUE(test::run_until(io_, [&] { return actuator_.times<policies::GrantLoan>() == 1; }));
    supervisor_->find(id_of('b'))->controller->feed(policies::LoanDone{true, kRaised});

    supervisor_->on_event({"container", "health_status: unhealthy", id_of('a'), {}, 1});
    EXPECT_EQ(sink_.last("available_again"), nullptr);
    supervisor_->on_event({"container", "health_status: healthy", id_of('a'), {}, 1});
    ASSERT_NE(sink_.last("available_again"), nullptr);
    ASSERT_TRUE(test::run_until(io_, [&] { return actuator_.times<policies::AskStop>() == 2; }))
        << "now it is the other one's turn";
}

}  // namespace
}  // namespace governor
