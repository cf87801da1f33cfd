// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/bus_units.hpp"

#include "governor/systemd/probe.hpp"
#include "tests/support/private_bus.hpp"
#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>

#include <optional>

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
    EXPECT_EQ(set("good.scope").kind, Kind::kDone);
}

TEST_F(BusUnitsTest, WithoutABusCallsAreAnsweredAndTheReasonIsTold) {
    open();
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kAbsent);
    ASSERT_TRUE(test::run_until(io_, [this] { return !availability_.empty(); }));
    EXPECT_EQ(availability_, std::vector<bool>{false}) << "told once, not at every attempt";
    EXPECT_NE(why_.find("/run/dbus/system_bus_socket"), std::string::npos) << why_;
}

TEST_F(BusUnitsTest, ABusWithoutSystemdIsAbsent) {
    bus_.start();
    open();
    ASSERT_TRUE(test::run_until(io_, [this] { return !availability_.empty(); }));
    EXPECT_FALSE(availability_.front());
    EXPECT_EQ(set("docker-1.scope").kind, Kind::kAbsent);
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
        ASSERT_TRUE(test::run_until(io_, [&] { return !systemd.calls().empty(); }));
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

TEST(Probe, SaysWhyThereIsNoBus) {
    EXPECT_NE(probe_bus("unix:path=/nowhere/bus", 1s).find("/nowhere/bus"), std::string::npos);
    EXPECT_NE(probe_bus("unix:path=/" + std::string(200, 'x'), 1s), "");
    EXPECT_EQ(socket_of("unix:path=/run/x,guid=1"), "/run/x");
    EXPECT_EQ(socket_of("tcp:host=x"), "");
}

}  // namespace
}  // namespace governor::systemd
