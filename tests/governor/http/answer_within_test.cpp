// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/answer_within.hpp"

#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>

namespace governor::http {
namespace {

using namespace std::chrono_literals;
using Done = std::function<void(int)>;

constexpr int kLate = -1;

class AnswerWithinTest : public testing::Test {
  protected:
    int ask(std::chrono::milliseconds limit, std::function<void(Done)> start) {
        return test::run_task(io, answer_within<int>(io.get_executor(), limit, std::move(start), kLate));
    }
    boost::asio::io_context io;
};

TEST_F(AnswerWithinTest, GivesTheAnswer) {
    EXPECT_EQ(ask(1h, [&](Done done) { boost::asio::post(io, [done = std::move(done)] { done(7); }); }), 7);
}

TEST_F(AnswerWithinTest, IsLateWhenNobodyAnswersAndALaterAnswerDoesNothing) {
    Done kept;
    EXPECT_EQ(ask(1ms, [&](Done done) { kept = std::move(done); }), kLate);
    kept(7);
    kept(8);
}

TEST_F(AnswerWithinTest, AQuestionThatIsDroppedIsLateToo) {
    EXPECT_EQ(ask(1ms, [](const Done&) {}), kLate);
}

}  // namespace
}  // namespace governor::http
