// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/controller.hpp"
#include "tests/support/tree.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace governor {
namespace {

using namespace std::chrono_literals;

/// Freezes in no time, and says so before the rest of the list is done.
class HastyActuator final : public Actuator {
  public:
    void perform(const Deed& deed, Answer answer) override {
        if (std::holds_alternative<policies::AskStop>(deed.what())) done.emplace_back("ask");
        if (!std::holds_alternative<policies::Freeze>(deed.what())) return;
        answer(policies::Frozen{}, "");
        answer(policies::SignalPending{policies::Via::kDocker}, "");
    }
    void relieve(const Target& /*target*/, const policies::Relief& relief, Answer answer) override {
        if (std::holds_alternative<policies::SurveyProcesses>(relief)) answer(policies::Surveyed{}, "");
        if (std::holds_alternative<policies::Thaw>(relief)) done.emplace_back("thaw");
    }
    void ended(const governor::Run& /*run*/) override {}
    std::vector<std::string> done;
};

class Types final : public publish::EventSink {
  public:
    void publish(const publish::Record& record) override { seen.push_back(record.type); }
    std::vector<std::string> seen;
};

TEST(ControllerOrder, AnAnswerInTheMiddleOfTheActionsWaitsForTheRest) {
    const TempTree tree;
    for (const auto* file : {"memory.current", "memory.max", "memory.high", "memory.stat", "memory.events"})
        tree.file(file, "0\n");
    auto directory = cgroups::Directory::open(tree.path());
    auto files = cgroups::MemoryFiles::open(*directory);
    ASSERT_TRUE(files);
    auto policy = std::make_shared<policies::ServicePolicy>();
    policy->near_oom.emplace();
    HastyActuator actuator;
    Types sink;
    Controller controller([] { return policies::TimePoint{1h}; }, actuator, sink,
                          publish::Subject{.id = "0123", .name = "coach", .service = "coach"});
    controller.retarget(
        {std::make_shared<governor::Run>(std::move(*directory), std::move(*files)), {}, {}, policy});
    controller.feed(policies::Started{});
    policies::Armed armed;
    armed.hard = policies::Bytes{256};
    armed.tripwire = policies::Bytes{230};
    armed.grace = 10s;
    controller.feed(armed);
    policies::Sampled trip;
    trip.tripped = true;
    trip.sample.current = trip.sample.unreclaimable = policies::Bytes{240};
    controller.feed(trip);
    EXPECT_EQ(actuator.done, (std::vector<std::string>{"ask", "thaw"}));
    ASSERT_GE(sink.seen.size(), 3U);
    const std::vector<std::string> last(sink.seen.end() - 3, sink.seen.end());
    EXPECT_EQ(last, (std::vector<std::string>{"oom_near", "brake", "signalled"}));
}

}  // namespace
}  // namespace governor
