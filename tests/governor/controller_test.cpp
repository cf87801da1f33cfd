// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/controller.hpp"

#include "tests/support/cgroup_tree.hpp"
#include "tests/support/fakes.hpp"

#include <gtest/gtest.h>

namespace governor {
namespace {

using namespace std::chrono_literals;
using policies::operator""_MiB;

class ControllerTest : public testing::Test {
  protected:
    ControllerTest()
        : controller_([this] { return now_; }, actuator_, sink_,
                      publish::Subject{"0123", "shop-coach-1", "img", "shop", "coach", 1, ""}) {
        policy_ = std::make_shared<policies::ServicePolicy>();
        policy_->name = "worker";
        policy_->near_oom.emplace();
        controller_.retarget(target());
        controller_.feed(policies::Started{});
        policies::Armed armed;
        armed.hard = 256_MiB;
        armed.tripwire = 230_MiB;
        armed.grace = 10s;
        controller_.feed(armed);
    }

    Target target() {
        test::add_scope(tree_, "0123", 1, "268435456");
        auto directory = cgroups::Directory::open(tree_.path("system.slice/docker-0123.scope"));
        auto files = cgroups::MemoryFiles::open(*directory);
        return {std::make_shared<governor::Run>(std::move(*directory), std::move(*files)), {}, {}, policy_};
    }

    void leak() {
        policies::Sampled input;
        input.sample.current = input.sample.unreclaimable = 240_MiB;
        input.tripped = true;
        controller_.feed(input);
    }

    TempTree tree_;
    policies::TimePoint now_{1h};
    test::FakeActuator actuator_;
    test::FakeSink sink_;
    std::shared_ptr<policies::ServicePolicy> policy_;
    Controller controller_;
};

TEST_F(ControllerTest, ActsOnWhatTheCoreDecidesAndTellsWhy) {
    leak();
    EXPECT_EQ(actuator_.times<policies::Freeze>(), 1);
    EXPECT_EQ(actuator_.times<policies::AskStop>(), 1);
    const auto* told = sink_.last("oom_near");
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(told->subject->service, "coach");
    EXPECT_EQ(told->subject->policy, "worker");
    EXPECT_EQ(told->event->reason.rule, policies::Rule::kUnreclaimable);
}

TEST_F(ControllerTest, AnAnswerMovesItOn) {
    leak();
    actuator_.answers.back()(policies::SignalPending{policies::Via::kDocker}, "");
    EXPECT_EQ(controller_.state().phase, policies::Phase::kDraining);
    EXPECT_EQ(actuator_.times<policies::Thaw>(), 1);
}

TEST_F(ControllerTest, AnAnswerThatComesAfterTheNextStartIsNotForThatRun) {
    leak();
    const Answer late = actuator_.answers.back();
    controller_.target().run->ended = true;
    controller_.feed(policies::Exited{0, 0});
    controller_.retarget(target());
    controller_.feed(policies::Started{});
    late(policies::SignalPending{policies::Via::kDocker}, "");
    EXPECT_EQ(actuator_.times<policies::Thaw>(), 0);
}

TEST_F(ControllerTest, AnAnswerThatOutlivesTheControllerIsHarmless) {
    Answer late;
    {
        Controller gone([this] { return now_; }, actuator_, sink_, {});
        gone.retarget(target());
        policies::Armed armed;
        armed.hard = 256_MiB;
        armed.tripwire = 230_MiB;
        gone.feed(armed);
        policies::Sampled input;
        input.sample.current = input.sample.unreclaimable = 240_MiB;
        gone.feed(input);
        late = actuator_.answers.back();
    }
    late(policies::SignalPending{}, "");
    EXPECT_EQ(actuator_.times<policies::Thaw>(), 0);
}

TEST_F(ControllerTest, TheDetailOfAnAnswerReachesTheEvent) {
    leak();
    actuator_.answers.back()(policies::StopRefused{}, "Docker did not answer.");
    ASSERT_NE(sink_.last("docker_slow"), nullptr);
    EXPECT_EQ(sink_.last("docker_slow")->detail, "Docker did not answer.");
}

TEST_F(ControllerTest, SaysWhatToDoAboutAPid1ThatIgnoresItsSignal) {
    leak();
    actuator_.answers.front()(policies::Frozen{policies::StopHandling::kNotHandled}, "");
    ASSERT_NE(sink_.last("brake"), nullptr);
    EXPECT_NE(sink_.last("brake")->detail.find("init: true"), std::string::npos);
}

TEST_F(ControllerTest, TellsWhenToLookAgain) {
    EXPECT_LE(controller_.sample_at(), now_) << "a new container is looked at once";
    policies::Sampled input;
    input.sample.current = input.sample.unreclaimable = 20_MiB;
    controller_.feed(input);
    EXPECT_EQ(controller_.sample_at(), now_ + 5s) << "far from its limit: every 5 s";
}

}  // namespace
}  // namespace governor
