// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/reserve/keeper.hpp"

#include "tests/support/cgroup_tree.hpp"
#include "tests/support/fake_units.hpp"
#include "tests/support/fakes.hpp"
#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>

namespace governor::reserve {
namespace {

using namespace std::chrono_literals;
using policies::operator""_MiB;

using test::FakeUnits;

class KeeperTest : public testing::Test {
  protected:
    KeeperTest() {
        tree_.file("system.slice/memory.min", "0\n");
        tree_.file("system.slice/memory.low", "0\n");
        tree_.file("system.slice/memory.current", "0\n");
        begin(&bus_);
    }
    void begin(systemd::Units* units) {
        keeper_.reset();
        keeper_ = std::make_unique<Keeper>(Keeper::Parts{
            io_.get_executor(), units, worker_, sink_, cgroups::Processes(tree_.path("proc")),
            [this] { return real_time_ ? steady_now() : now_; }, tree_.path(), true, 8192_MiB, std::nullopt});
    }
    static std::string scope(const std::string& id) { return "system.slice/docker-" + id + ".scope/"; }

    /// A container of a service for which so much is reserved.
    Care care(const std::string& id, std::uint64_t min_mib,
              std::optional<policies::Bytes> swap = std::nullopt) {
        test::add_scope(tree_, id, 1 << 20, "max");
        for (const char* file : {"memory.min", "memory.low"}) tree_.file(scope(id) + file, "0\n");
        tree_.file(scope(id) + "memory.swap.max", "max\n");
        auto directory = cgroups::Directory::open(tree_.path("system.slice/docker-" + id + ".scope"));
        auto files = cgroups::MemoryFiles::open(*directory);
        auto policy = std::make_shared<policies::ServicePolicy>();
        policy->name = "database";
        if (min_mib > 0) {
            policy->reserve.emplace();
            policy->reserve->min = policies::Size{.bytes = {min_mib << 20U}, .share = {}};
        }
        Care out;
        out.target.subject = publish::Subject{.id = id, .name = "shop-" + id, .service = "postgres"};
        out.target.run = std::make_shared<governor::Run>(std::move(*directory), std::move(*files));
        out.target.policy = policy;
        out.swap = swap;
        return out;
    }
    std::string min_of(const std::string& path) const { return tree_.text(path + "memory.min"); }
    static policies::TimePoint steady_now() {
        return policies::TimePoint(std::chrono::duration_cast<policies::Duration>(
            std::chrono::steady_clock::now().time_since_epoch()));
    }
    /// With the timers of the real loop, and no bus.
    void run_by_itself() {
        real_time_ = true;
        begin(nullptr);
        boost::asio::co_spawn(io_, keeper_->run(), [](const std::exception_ptr&) {});
    }
    /// Long enough for all that a start waits for.
    void settle() {
        now_ += 1min;
        keeper_->look();
        bus_.answer();
        keeper_->look();
    }
    std::vector<const policies::Event*> told(policies::EventType type) const {
        std::vector<const policies::Event*> out;
        for (const auto& record : sink_.records)
            if (record.event && record.event->type == type) out.push_back(&*record.event);
        return out;
    }

    static constexpr const char* kHundred = "104857600";
    boost::asio::io_context io_;
    async::Worker worker_{io_.get_executor()};
    TempTree tree_;
    policies::TimePoint now_{1h};
    bool real_time_ = false;
    test::FakeSink sink_;
    FakeUnits bus_;
    std::unique_ptr<Keeper> keeper_;
};

TEST_F(KeeperTest, TheContainerAndItsAncestorGetTheReservationAtOnce) {
    keeper_->on_armed(care("a", 100));
    EXPECT_EQ(min_of(scope("a")), kHundred);
    EXPECT_EQ(min_of("system.slice/"), kHundred) << "without the ancestor's, the kernel honours nothing";
}

TEST_F(KeeperTest, SystemdIsToldSoThatTheValuesOutliveAReload) {
    keeper_->on_armed(care("a", 100));
    EXPECT_EQ(bus_.last("docker-a.scope", "MemoryMin"), 100U << 20U);
    EXPECT_EQ(bus_.last("system.slice", "MemoryMin"), 100U << 20U);
    EXPECT_FALSE(keeper_->standing("a")->via_systemd);
    bus_.answer();
    EXPECT_TRUE(keeper_->standing("a")->via_systemd);
    bus_.answered.clear();
    keeper_->look();
    EXPECT_TRUE(bus_.calls.empty()) << "what systemd has confirmed is not said again";
}

TEST_F(KeeperTest, WithoutSystemdTheFilesAreWritten) {
    begin(nullptr);
    keeper_->on_armed(care("a", 100));
    EXPECT_EQ(min_of(scope("a")), kHundred);
    EXPECT_EQ(min_of("system.slice/"), kHundred);
    EXPECT_FALSE(keeper_->standing("a")->via_systemd);
}

TEST_F(KeeperTest, ARefusalLeavesTheFilesInForceAndIsTriedAgain) {
    keeper_->on_armed(care("a", 100));
    bus_.answer(systemd::Outcome::Kind::kRefused);
    EXPECT_EQ(min_of(scope("a")), kHundred);
    EXPECT_FALSE(keeper_->standing("a")->via_systemd);
    keeper_->look();
    EXPECT_FALSE(bus_.calls.empty());
}

TEST_F(KeeperTest, TwoContainersAddUpAndTheLastOneToGoLowersTheAncestorAgain) {
    tree_.file("system.slice/memory.min", "4096\n");
    keeper_->on_armed(care("a", 100));
    keeper_->on_armed(care("b", 50));
    EXPECT_EQ(min_of("system.slice/"), std::to_string(150U << 20U));
    keeper_->on_ended("a");
    keeper_->look();
    EXPECT_EQ(min_of("system.slice/"), std::to_string(50U << 20U));
    keeper_->on_ended("b");
    settle();
    EXPECT_EQ(min_of("system.slice/"), "4096") << "what it had before";
    EXPECT_EQ(bus_.last("system.slice", "MemoryMin"), 4096U);
}

TEST_F(KeeperTest, ARecreatedContainerDoesNotDoubleTheAncestor) {
    keeper_->on_armed(care("a", 100));
    keeper_->on_ended("a");
    keeper_->on_armed(care("b", 100));
    EXPECT_EQ(min_of("system.slice/"), kHundred);
}

TEST_F(KeeperTest, TheNextGovernorKnowsWhatTheAncestorHadBefore) {
    tree_.file("system.slice/memory.min", "4096\n");
    keeper_->on_armed(care("a", 100));
    if (!cgroups::Directory::open(tree_.path("system.slice"))->mark()) GTEST_SKIP() << "no xattrs here";
    begin(&bus_);
    // The database is not there any more, and nobody else claims anything.
    settle();
    EXPECT_EQ(min_of("system.slice/"), "4096");
}

TEST_F(KeeperTest, AFreshGovernorLowersNothingBeforeItKnowsAllContainers) {
    keeper_->on_armed(care("a", 100));
    begin(&bus_);
    keeper_->look();
    EXPECT_EQ(min_of("system.slice/"), kHundred);
}

TEST_F(KeeperTest, AValueThatAHandChangedIsSetBackAndTold) {
    keeper_->on_armed(care("a", 100));
    tree_.file(scope("a") + "memory.min", "0\n");
    keeper_->look();
    EXPECT_EQ(min_of(scope("a")), kHundred);
    const auto drifts = told(policies::EventType::kDriftRepaired);
    ASSERT_EQ(drifts.size(), 1U);
    EXPECT_EQ(drifts[0]->file, "memory.min");
    EXPECT_EQ(drifts[0]->reason.measured, policies::Quantity::of(policies::Bytes{0}));
    EXPECT_EQ(drifts[0]->reason.threshold, policies::Quantity::of(100_MiB));
    EXPECT_EQ(drifts[0]->cause, "written by hand or by another program");
    EXPECT_EQ(sink_.records.back().subject->service, "postgres");
}

TEST_F(KeeperTest, TheCauseIsWhatTheBusOrDockerToldShortlyBefore) {
    keeper_->on_armed(care("a", 100));
    bus_.answer();
    now_ += 1min;
    bus_.listener.reloaded();
    tree_.file("system.slice/memory.min", "0\n");
    keeper_->look();
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).back()->cause, "daemon-reload");
    now_ += 1min;
    keeper_->on_touched("a", Touch::kUpdate);
    tree_.file(scope("a") + "memory.min", "0\n");
    keeper_->look();
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).back()->cause, "docker update");
    now_ += 1min;
    bus_.listener.unit_changed("docker-a.scope");
    tree_.file(scope("a") + "memory.min", "0\n");
    keeper_->look();
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).back()->cause, "set through systemd");
}

TEST_F(KeeperTest, TheEchoOfItsOwnCallIsNoCause) {
    keeper_->on_armed(care("a", 100));
    bus_.answer();
    bus_.listener.unit_changed("docker-a.scope");
    tree_.file(scope("a") + "memory.min", "0\n");
    keeper_->look();
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).back()->cause,
              "written by hand or by another program");
}

TEST_F(KeeperTest, AWriteByAHandIsHeardAtOnce) {
    run_by_itself();
    keeper_->on_armed(care("a", 100));
    tree_.file(scope("a") + "memory.min", "0\n");
    ASSERT_TRUE(test::run_until(io_, [this] { return !told(policies::EventType::kDriftRepaired).empty(); }));
    EXPECT_EQ(min_of(scope("a")), kHundred);
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).back()->cause,
              "written by hand or by another program");
}

TEST_F(KeeperTest, AllFilesWrittenAtOnceIsSystemd) {
    run_by_itself();
    keeper_->on_armed(care("a", 100));
    for (const char* file : {"memory.min", "memory.low", "memory.swap.max"})
        tree_.file(scope("a") + file, "0\n");
    ASSERT_TRUE(test::run_until(io_, [this] { return !told(policies::EventType::kDriftRepaired).empty(); }));
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).back()->cause, "set through systemd");
}

TEST_F(KeeperTest, SystemdIsNotToldOfAContainerWithATripwire) {
    Care coach = care("a", 0, policies::Bytes{0});
    auto policy = std::make_shared<policies::ServicePolicy>(*coach.target.policy);
    policy->near_oom.emplace();
    coach.target.policy = policy;
    keeper_->on_armed(coach);
    EXPECT_EQ(tree_.text(scope("a") + "memory.swap.max"), "0");
    EXPECT_TRUE(bus_.calls.empty()) << "it would write memory.high too, and take the tripwire away";
}

TEST_F(KeeperTest, AStormIsToldOnceAndNotFought) {
    keeper_->on_armed(care("a", 100));
    for (int i = 0; i < 30; ++i) {
        now_ += 1s;
        tree_.file(scope("a") + "memory.min", "0\n");
        keeper_->look();
    }
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).size(), 4U);
    EXPECT_EQ(told(policies::EventType::kDriftStorm).size(), 1U);
    EXPECT_EQ(min_of(scope("a")), "0\n");
}

TEST_F(KeeperTest, TheSwapLimitThatAReloadLosesIsSetBack) {
    keeper_->on_armed(care("a", 0, policies::Bytes{0}));
    EXPECT_EQ(tree_.text(scope("a") + "memory.swap.max"), "0");
    EXPECT_EQ(bus_.last("docker-a.scope", "MemorySwapMax"), 0U);
    tree_.file(scope("a") + "memory.swap.max", "max\n");
    keeper_->look();
    EXPECT_EQ(tree_.text(scope("a") + "memory.swap.max"), "0");
    EXPECT_EQ(told(policies::EventType::kDriftRepaired).back()->file, "memory.swap.max");
    EXPECT_FALSE(keeper_->standing("a")) << "a swap limit is no reservation";
}

TEST_F(KeeperTest, WithoutAReservationAContainerHasItsTurnOrIsLookedAtWhenItIsTouched) {
    begin(nullptr);
    const auto swap = [this](const std::string& id) { return tree_.text(scope(id) + "memory.swap.max"); };
    for (int i = 0; i < 16; ++i) keeper_->on_armed(care("c" + std::to_string(i), 0, policies::Bytes{0}));
    keeper_->look();
    for (int i = 0; i < 16; ++i) tree_.file(scope("c" + std::to_string(i)) + "memory.swap.max", "max\n");
    keeper_->on_touched("c7", Touch::kUpdate);
    keeper_->look_around();
    EXPECT_EQ(swap("c7"), "0");
    int repaired = 0;
    for (int i = 0; i < 16; ++i) repaired += swap("c" + std::to_string(i)) == "0" ? 1 : 0;
    EXPECT_LE(repaired, 3) << "a look at all of them each time would cost more with each of them";
    for (int turn = 0; turn < 8; ++turn) keeper_->look_around();
    for (int i = 0; i < 16; ++i) EXPECT_EQ(swap("c" + std::to_string(i)), "0") << i;
}

TEST_F(KeeperTest, ASwapLimitThatAHandChangedIsHeardOfAtOnce) {
    run_by_itself();
    for (int i = 0; i < 16; ++i) keeper_->on_armed(care("c" + std::to_string(i), 0, policies::Bytes{0}));
    tree_.file(scope("c9") + "memory.swap.max", "max\n");
    ASSERT_TRUE(test::run_until(io_, [this] { return !told(policies::EventType::kDriftRepaired).empty(); }));
    EXPECT_EQ(tree_.text(scope("c9") + "memory.swap.max"), "0");
}

TEST_F(KeeperTest, ASystemdThatComesBackIsToldEverythingAgain) {
    bus_.usable = false;
    keeper_->on_armed(care("a", 100));
    EXPECT_TRUE(bus_.calls.empty());
    bus_.usable = true;
    bus_.listener.availability(true, "");
    keeper_->look();
    EXPECT_EQ(bus_.last("docker-a.scope", "MemoryMin"), 100U << 20U);
}

TEST_F(KeeperTest, AContainerThatVanishesInTheMiddleIsNoError) {
    keeper_->on_armed(care("a", 100));
    tree_.remove("system.slice/docker-a.scope");
    keeper_->look();
    EXPECT_TRUE(told(policies::EventType::kDriftRepaired).empty());
}

TEST_F(KeeperTest, ItIsToldOnceThatTheReservationIsInForce) {
    keeper_->on_armed(care("a", 100));
    ASSERT_TRUE(test::run_until(io_, [&] { return !told(policies::EventType::kReserved).empty(); }));
    EXPECT_TRUE(keeper_->standing("a")->known);
    EXPECT_EQ(keeper_->standing("a")->effective.min, cgroups::Bytes{1 << 20}) << "no more than it uses";
    EXPECT_FALSE(keeper_->standing("a")->short_of_min);
}

}  // namespace
}  // namespace governor::reserve
