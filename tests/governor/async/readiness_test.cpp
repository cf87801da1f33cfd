// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/async/readiness.hpp"

#include <sys/eventfd.h>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace governor::async {
namespace {

class ReadinessTest : public testing::Test {
  protected:
    struct Watched {
        cgroups::UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        Readiness::Registration registration;
        int told = 0;
    };
    std::unique_ptr<Watched> watch() {
        auto out = std::make_unique<Watched>();
        auto registration = readiness_.add(out->event.get(), Readiness::For::kInput, out.get());
        EXPECT_TRUE(registration);
        out->registration = std::move(*registration);
        return out;
    }
    static void fire(const Watched& watched) { EXPECT_EQ(::eventfd_write(watched.event.get(), 1), 0); }
    /// Until nothing is ready any more.
    void turn() {
        io_.restart();
        while (io_.poll() > 0) {
        }
    }

    boost::asio::io_context io_;
    std::function<void(Watched&)> on_ready_ = [](Watched& watched) { ++watched.told; };
    Readiness readiness_{io_.get_executor(), [this](void* who) { on_ready_(*static_cast<Watched*>(who)); }};
};

TEST_F(ReadinessTest, TellsOnceForEachWait) {
    const auto one = watch();
    const auto other = watch();
    turn();
    EXPECT_EQ(one->told, 0);
    fire(*one);
    turn();
    fire(*one);
    turn();
    EXPECT_EQ(one->told, 1) << "not waited for a second time";
    EXPECT_EQ(other->told, 0);
    one->registration.wait_again();
    turn();
    EXPECT_EQ(one->told, 2) << "what came in between counts";
}

TEST_F(ReadinessTest, MoreThanFitIntoARoundAreAllTold) {
    std::vector<std::unique_ptr<Watched>> many;
    for (int i = 0; i < 200; ++i) many.push_back(watch());
    for (const auto& each : many) fire(*each);
    turn();
    for (const auto& each : many) EXPECT_EQ(each->told, 1);
}

TEST_F(ReadinessTest, WhatIsGoneIsNotToldOf) {
    std::vector<std::unique_ptr<Watched>> both;
    both.push_back(watch());
    both.push_back(watch());
    int told = 0;
    // Whichever comes first takes the other away, in the middle of the round.
    on_ready_ = [&](Watched& first) {
        ++told;
        std::erase_if(both, [&](const auto& each) { return each.get() != &first; });
    };
    for (const auto& each : both) fire(*each);
    turn();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(both.size(), 1U);
}

TEST_F(ReadinessTest, ARegistrationOutlivesTheFileThatItWasMadeFor) {
    const auto one = watch();
    fire(*one);
    one->event.reset();
    turn();
    EXPECT_EQ(one->told, 1);
}

TEST_F(ReadinessTest, AFileThatCannotBeWaitedForIsAnError) {
    Watched nobody;
    EXPECT_FALSE(readiness_.add(-1, Readiness::For::kInput, &nobody));
}

}  // namespace
}  // namespace governor::async
