// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/bus_units.hpp"

#include "governor/systemd/probe.hpp"
#include "tests/support/private_bus.hpp"
#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace governor::systemd {
namespace {

using namespace std::chrono_literals;
using Kind = Outcome::Kind;

constexpr std::uint64_t kMiB = 1 << 20;

class BusUnitsTest : public testing::Test {
  protected:
    void open(std::chrono::milliseconds deadline = 20s) {
        BusOptions options;
        options.address = bus_.address();
        options.deadline = deadline;
        options.first_reconnect = 10ms;
        options.longest_reconnect = 50ms;
        units_ = std::make_unique<BusUnits>(io_.get_executor(), options);
        Listener listener;
        listener.unit_changed = [this](const std::string& unit) { changed_.push_back(unit); };
        listener.reloaded = [this] { ++reloads_; };
        listener.availability = [this](bool usable, const std::string& why) {
            availability_.push_back(usable);
            why_ = why;
        };
        units_->listen(std::move(listener));
    }
    bool until_usable() {
        return test::run_until(io_, [this] { return units_->available(); });
    }
    Outcome set(const std::string& unit, std::uint64_t value = kMiB) {
        std::optional<Outcome> out;
        units_->set(unit, {{"MemoryMin", value}}, [&out](const Outcome& outcome) { out = outcome; });
        EXPECT_TRUE(test::run_until(io_, [&out] { return out.has_value(); }));
        return out.value_or(Outcome{Kind::kFailed, "no answer"});
    }

    boost::asio::io_context io_;
    test::PrivateBus bus_;
    std::unique_ptr<BusUnits> units_;
    std::vector<std::string> changed_;
    int reloads_ = 0;
    std::vector<bool> availability_;
    std::string why_;
};

TEST_F(BusUnitsTest, PropertiesArriveAsSystemdWantsThem) {
    bus_.start();
    test::FakeSystemd systemd(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    EXPECT_EQ(set("docker-1.scope", 7 * kMiB).kind, Kind::kDone);
    const auto calls = systemd.calls();
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_EQ(calls[0].unit, "docker-1.scope");
    EXPECT_TRUE(calls[0].runtime) << "nothing of this may outlive a boot";
    EXPECT_EQ(calls[0].properties, (std::vector<Property>{{"MemoryMin", 7 * kMiB}}));
}

TEST_F(BusUnitsTest, EachRefusalIsToldApart) {
    bus_.start();
    test::FakeSystemd systemd(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    EXPECT_EQ(set("denied.scope").kind, Kind::kRefused);
    EXPECT_EQ(set("gone.scope").kind, Kind::kNoUnit);
    const Outcome odd = set("odd.scope");
    EXPECT_EQ(odd.kind, Kind::kFailed);
    EXPECT_NE(odd.message.find("odd.scope"), std::string::npos) << odd.message;
    EXPECT_EQ(set("good.scope").kind, Kind::kDone) << "one refusal ends nothing";
}

TEST_F(BusUnitsTest, AnAnswerThatNeverComesIsLate) {
    bus_.start();
    test::FakeSystemd systemd(bus_.address());
    open(200ms);
    ASSERT_TRUE(until_usable());
    EXPECT_EQ(set("slow.scope").kind, Kind::kLate);
    // The deadline is short even for a good one, on a machine that is busy.
    constexpr int kAttempts = 50;
    Outcome next = set("good.scope");
    for (int i = 1; i < kAttempts && next.kind != Kind::kDone; ++i) next = set("good.scope");
    EXPECT_EQ(next.kind, Kind::kDone) << next.message;
}

TEST_F(BusUnitsTest, WithoutABusCallsAreAnsweredAndTheReasonIsTold) {
    open();
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kAbsent);
    ASSERT_TRUE(test::run_until(io_, [this] { return !availability_.empty(); }));
    EXPECT_EQ(availability_, std::vector<bool>{false}) << "told once, not at every attempt";
    EXPECT_NE(why_.find(bus_.socket_path()), std::string::npos) << why_;
    EXPECT_NE(why_.find("mount /run/dbus"), std::string::npos) << why_;
}

TEST_F(BusUnitsTest, ABusWithoutSystemdIsAbsent) {
    bus_.start();
    open();
    ASSERT_TRUE(test::run_until(io_, [this] { return !availability_.empty(); }));
    EXPECT_FALSE(availability_.front());
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kAbsent);
}

TEST_F(BusUnitsTest, SystemdThatComesLaterIsFoundAndOneThatGoesIsMissed) {
    bus_.start();
    open();
    ASSERT_TRUE(test::run_until(io_, [this] { return !availability_.empty(); }));
    {
        const test::FakeSystemd systemd(bus_.address());
        ASSERT_TRUE(until_usable());
        EXPECT_EQ(set("docker-1.scope").kind, Kind::kDone);
    }
    ASSERT_TRUE(test::run_until(io_, [this] { return !units_->available(); }));
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kAbsent);
    // As after a daemon-reexec: it knows nothing of its subscribers.
    test::FakeSystemd systemd(bus_.address());
    ASSERT_TRUE(until_usable());
    EXPECT_EQ(systemd.subscriptions(), 1);
    systemd.reload(false);
    EXPECT_TRUE(test::run_until(io_, [this] { return reloads_ > 0; }));
    EXPECT_EQ(availability_, (std::vector<bool>{false, true, false, true}));
}

TEST_F(BusUnitsTest, SystemdThatGoesWithoutAnAnswerIsAbsent) {
    bus_.start();
    auto systemd = std::make_unique<test::FakeSystemd>(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    std::optional<Outcome> out;
    units_->set("slow.scope", {{"MemoryMin", 1}}, [&out](const Outcome& outcome) { out = outcome; });
    ASSERT_TRUE(systemd->wait_calls(1));
    systemd.reset();
    ASSERT_TRUE(test::run_until(io_, [&out] { return out.has_value(); }));
    EXPECT_EQ(out->kind, Kind::kAbsent) << out->message;
}

TEST_F(BusUnitsTest, SystemdThatIsAsleepAtTheStartIsAskedAgain) {
    bus_.start();
    {
        const test::FakeSystemd asleep(bus_.address(), false);
        open(100ms);
        ASSERT_TRUE(test::run_until(io_, [this] { return !availability_.empty(); }));
        EXPECT_FALSE(units_->available());
        EXPECT_EQ(set("docker-1.scope").kind, Kind::kLate);
        ASSERT_TRUE(asleep.wait_subscriptions(2));
        EXPECT_TRUE(asleep.calls().empty()) << "nothing is sent that nobody waits for";
    }
    const test::FakeSystemd awake(bus_.address());
    ASSERT_TRUE(until_usable());
}

TEST_F(BusUnitsTest, ABusThatHangsInTheMiddleHoldsNothingUp) {
    bus_.start();
    const test::FakeSystemd systemd(bus_.address());
    open(100ms);
    ASSERT_TRUE(until_usable());
    bus_.hang();
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kLate);
    units_.reset();  // and comes back from here
    bus_.stop();
}

TEST_F(BusUnitsTest, WhatWaitsIsForgottenWithTheObject) {
    bus_.start();
    const test::FakeSystemd systemd(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    bool answered = false;
    units_->set("slow.scope", {{"MemoryMin", 1}}, [&answered](const Outcome&) { answered = true; });
    ASSERT_TRUE(systemd.wait_calls(1));
    units_.reset();
    // All that was on the loop for it runs now, its timer included.
    io_.restart();
    io_.run();
    EXPECT_FALSE(answered);
}

TEST_F(BusUnitsTest, ABusThatComesLaterIsFound) {
    open();
    ASSERT_TRUE(test::run_until(io_, [this] { return !availability_.empty(); }));
    bus_.start();
    const test::FakeSystemd systemd(bus_.address());
    ASSERT_TRUE(until_usable());
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kDone);
}

TEST_F(BusUnitsTest, ABusThatDiesInTheMiddleAndComesBackIsUsedAgain) {
    bus_.start();
    {
        const test::FakeSystemd systemd(bus_.address());
        open();
        ASSERT_TRUE(until_usable());
        std::optional<Outcome> out;
        units_->set("slow.scope", {{"MemoryMin", 1}}, [&out](const Outcome& outcome) { out = outcome; });
        ASSERT_TRUE(systemd.wait_calls(1));
        bus_.stop();
        ASSERT_TRUE(test::run_until(io_, [&out] { return out.has_value(); }));
        EXPECT_EQ(out->kind, Kind::kAbsent);
        ASSERT_TRUE(test::run_until(io_, [this] { return !units_->available(); }));
    }
    bus_.start();
    const test::FakeSystemd systemd(bus_.address());
    ASSERT_TRUE(until_usable());
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kDone);
}

TEST_F(BusUnitsTest, ASocketThatAcceptsAndNeverSpeaksHoldsNothingUp) {
    const test::MuteSocket mute(bus_.socket_path());
    open(100ms);
    EXPECT_NE(set("docker-1.scope").kind, Kind::kDone);
    EXPECT_FALSE(units_->available());
    units_.reset();  // and comes back from here
}

TEST_F(BusUnitsTest, AReloadIsHeardWhenItHasEnded) {
    bus_.start();
    test::FakeSystemd systemd(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    systemd.reload(true);
    systemd.reload(false);
    ASSERT_TRUE(test::run_until(io_, [this] { return reloads_ > 0; }));
    EXPECT_EQ(reloads_, 1);
}

TEST_F(BusUnitsTest, ChangesOfUnitsThatWereSetAreHeardAndOthersAreNot) {
    bus_.start();
    test::FakeSystemd systemd(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    ASSERT_EQ(set("docker-1.scope").kind, Kind::kDone);
    systemd.change("/org/freedesktop/systemd1/unit/ssh_2eservice");
    systemd.change("/org/freedesktop/systemd1/unit/docker_2d1_2escope");
    ASSERT_TRUE(test::run_until(io_, [this] { return !changed_.empty(); }));
    EXPECT_EQ(changed_, std::vector<std::string>{"docker-1.scope"});
}

TEST_F(BusUnitsTest, AUnitThatIsGoneIsForgottenButNotInAReload) {
    bus_.start();
    test::FakeSystemd systemd(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    ASSERT_EQ(set("docker-1.scope").kind, Kind::kDone);
    ASSERT_EQ(set("docker-2.scope").kind, Kind::kDone);
    systemd.reload(true);
    systemd.remove("docker-1.scope");
    systemd.reload(false);
    systemd.remove("docker-2.scope");
    systemd.change("/org/freedesktop/systemd1/unit/docker_2d2_2escope");
    systemd.change("/org/freedesktop/systemd1/unit/docker_2d1_2escope");
    ASSERT_TRUE(test::run_until(io_, [this] { return !changed_.empty(); }));
    EXPECT_EQ(changed_, std::vector<std::string>{"docker-1.scope"});
}

TEST_F(BusUnitsTest, AStormOfSignalsIsOneCallAtATime) {
    bus_.start();
    test::FakeSystemd systemd(bus_.address());
    open();
    ASSERT_TRUE(until_usable());
    ASSERT_EQ(set("docker-1.scope").kind, Kind::kDone);
    constexpr int kSignals = 2000;
    for (int i = 0; i < kSignals; ++i) systemd.change("/org/freedesktop/systemd1/unit/docker_2d1_2escope");
    // In order on the bus: when the reload is heard, all changes were received.
    systemd.reload(false);
    // The loop stands still until here: all of them are one.
    ASSERT_TRUE(test::run_until(io_, [this] { return reloads_ > 0; }));
    EXPECT_LT(changed_.size(), std::size_t{kSignals});
    EXPECT_GE(changed_.size(), 1U);
}

TEST(UnitOfPath, UndoesSystemdsEscaping) {
    EXPECT_EQ(unit_of_path("/org/freedesktop/systemd1/unit/docker_2d1_2escope"), "docker-1.scope");
    EXPECT_EQ(unit_of_path("/org/freedesktop/systemd1/unit/a_5fb_2eslice"), "a_b.slice");
    EXPECT_EQ(unit_of_path("plain_"), "plain_");
    EXPECT_EQ(unit_of_path("_zz_2"), "_zz_2");
    EXPECT_EQ(unit_of_path(""), "");
}

TEST(KindOfError, SaysWhatTheCallerShouldDo) {
    const std::string bus = "org.freedesktop.DBus.Error.";
    EXPECT_EQ(kind_of_error(bus + "AccessDenied"), Kind::kRefused);
    EXPECT_EQ(kind_of_error(bus + "InteractiveAuthorizationRequired"), Kind::kRefused);
    EXPECT_EQ(kind_of_error(bus + "ServiceUnknown"), Kind::kAbsent);
    EXPECT_EQ(kind_of_error(bus + "Disconnected"), Kind::kAbsent);
    EXPECT_EQ(kind_of_error(bus + "Spawn.ChildExited"), Kind::kAbsent) << "the bus cannot start systemd";
    EXPECT_EQ(kind_of_error(bus + "NoReply"), Kind::kLate);
    EXPECT_EQ(kind_of_error(bus + "Timeout"), Kind::kLate);
    EXPECT_EQ(kind_of_error("org.freedesktop.systemd1.NoSuchUnit"), Kind::kNoUnit);
    EXPECT_EQ(kind_of_error("org.freedesktop.systemd1.BadUnitSetting"), Kind::kFailed);
    EXPECT_EQ(kind_of_error(""), Kind::kFailed);
}

TEST(Probe, SaysWhyThereIsNoBus) {
    const Outcome nowhere = probe_bus("unix:path=/nowhere/bus", 1s);
    EXPECT_EQ(nowhere.kind, Kind::kAbsent);
    EXPECT_NE(nowhere.message.find("/nowhere/bus"), std::string::npos) << nowhere.message;
    EXPECT_EQ(probe_bus("unix:path=/" + std::string(200, 'x'), 1s).kind, Kind::kFailed);
    const TempTree folder;
    const std::string address = "unix:path=" + folder.path("bus");
    {
        test::MuteSocket socket(folder.path("bus"));
        EXPECT_EQ(probe_bus(address, 10ms).kind, Kind::kLate);
    }
    EXPECT_EQ(probe_bus(address, 1s).kind, Kind::kAbsent) << "the socket's file is left over";
    folder.remove("bus");
    {
        test::MuteSocket socket(folder.path("bus"));
        std::thread profile([&socket] { socket.turn_away(); });
        EXPECT_EQ(probe_bus(address, 30s).kind, Kind::kRefused);
        profile.join();
    }
    EXPECT_EQ(socket_of("unix:path=/run/x,guid=1"), "/run/x");
    EXPECT_EQ(socket_of("tcp:host=x"), "");
}

}  // namespace
}  // namespace governor::systemd
