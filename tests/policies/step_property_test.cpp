// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/stepper.hpp"

#include <gtest/gtest.h>

#include <random>

// Whatever comes in whatever order (Docker's events race the kernel's, a governor dies, a policy is
// reloaded): what must hold then.
namespace policies {
namespace {

using namespace std::chrono_literals;

constexpr int kSequences = 20000;
constexpr int kInputs = 60;

/// A container with a mind of its own, and an outside world that does not keep to any order.
class Chaos {
  public:
    Chaos(unsigned seed, bool governed) : random_(seed), governed_(governed), story(pick_policy()) {
        story.arm();
    }

    void next() {
        before_ = story.result.state;
        if (at_random(3)) {
            story.now += milliseconds(1 << number(17));
        } else if (story.deadline() != TimePoint::max() && at_random(3)) {
            story.now = std::max(story.now, story.deadline());
        }
        if (at_random(100)) story.policy = pick_policy();
        feed();
        check();
    }

    /// However it was left: time alone must end a brake, unless someone else froze it or it waits for a
    /// person.
    void ends_well() {
        // Docker and the kernel say nothing any more; only deadlines come.
        for (int i = 0; i < 20 && story.result.state.frozen && story.phase() != Phase::kPaused; ++i) {
            ASSERT_NE(story.deadline(), TimePoint::max())
                << "frozen without a deadline in " << to_string(story.phase());
            if (story.phase() == Phase::kQuarantined || story.phase() == Phase::kHeld) return;
            story.now = std::max(story.now, story.deadline());
            before_ = story.result.state;
            story.feed(Tick{});
            ticked_ = true;
            was_sampled_ = false;
            check();
        }
        EXPECT_TRUE(!story.result.state.frozen || story.phase() == Phase::kPaused);
    }

  private:
    bool at_random(int one_in) { return std::uniform_int_distribution<int>(1, one_in)(random_) == 1; }
    int number(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

    ServicePolicy pick_policy() {
        auto policy = graceful_policy();
        policy.restart.backoff.from = milliseconds(number(3) * 500);
        policy.restart.breaker.restarts = 1 + number(4);
        policy.restart.breaker.within = 10min;
        policy.near_oom->warn = Warn{.when = {.terms = {Term{.size = percent(75)}}}, .call = SignalCall{10}};
        if (at_random(2)) policy.near_oom->action = static_cast<NearOomAction>(number(6));
        policy.near_oom->recycle.weight = Permille{number(1000)};
        if (at_random(3)) policy.near_oom->recycle.respawn.reset();
        if (at_random(2)) policy.near_oom->loan = percent(1 + number(20));
        if (at_random(4))
            policy.near_oom->when.terms.push_back(Term{.measure = Measure::kEta, .duration = 1s});
        if (at_random(2)) policy.near_oom->drain_hook = pick_hook();
        if (!governed_ || at_random(8)) policy.near_oom.reset();
        return policy;
    }

    DrainHook pick_hook() {
        DrainHook hook{
            .call = FileCall{"/dev/shm/drain"}, .timeout = 1s, .settle = std::chrono::seconds(number(3))};
        if (at_random(3)) hook.call = HttpCall{"http://proxy/drain"};
        return hook;
    }

    void feed() {
        ticked_ = was_sampled_ = false;
        switch (number(34)) {
            case 33:
                story.feed(DrainHookDone{!at_random(4)});
                break;
            case 30:
                feed_loan();
                break;
            case 31:
                story.feed(Healthy{});
                break;
            case 32:
                story.feed(GiveWay{{at_random(2) ? Rule::kRestartWith : Rule::kHostAvailable, {}, {}, {}}});
                break;
            case 0:
                story.feed(SignalPending{at_random(2) ? Via::kDocker : Via::kDirect});
                break;
            case 1:
                story.feed(StopRefused{});
                break;
            case 2:
                story.feed(SignalFailed{});
                break;
            case 3:
                story.feed(Frozen{});
                break;
            case 4:
                story.feed(BrakeFailed{});
                break;
            case 5:
                story.feed(Exited{at_random(2) ? 0 : 137, story.sample.oom_kills});
                break;
            case 6:
                story.feed(Started{});
                break;
            case 7:
            case 8:
                story.arm(at_random(8) ? Grace::infinite() : Grace(seconds_at_random()));
                break;
            case 9:
                if (at_random(4))
                    story.feed(DockerStop{});
                else
                    story.feed(DockerKill{at_random(2) ? 15 : (at_random(2) ? 9 : 1)});
                break;
            case 10:
                story.feed(Paused{});
                break;
            case 11:
                story.feed(Unpaused{});
                break;
            case 12:
                story.feed(Released{});
                break;
            case 13:
                story.feed(WarnDone{at_random(2)});
                break;
            case 14:
                story.feed(Adopt{at_random(2), seconds_at_random()});
                break;
            case 15:
                story.feed(BrakeLost{at_random(2), seconds_at_random(), 10s});
                break;
            case 24:
            case 25:
                story.feed(Surveyed{survey_at_random()});
                break;
            case 26:
                story.feed(RecycleRefused{});
                break;
            case 27:
                story.feed(ProcessEnded{});
                break;
            case 28:
                story.feed(ProcessRespawned{});
                break;
            case 29:
                story.feed(GiveWay{{at_random(2) ? Rule::kSharedLimit : Rule::kHostAvailable, {}, {}, {}}});
                break;
            case 16:
                story.feed(DrainHookDone{!at_random(4)});
                break;
            case 17:
            case 18:
            case 19:
                story.feed(Tick{});
                ticked_ = true;
                break;
            default:
                was_sampled_ = true;
                if (at_random(20)) ++story.sample.oom_kills;
                if (at_random(4)) story.replica_away = at_random(2);
                story.heap(static_cast<std::uint64_t>(number(2) == 0 ? 1800 + number(248) : number(2048)),
                           static_cast<std::uint64_t>(number(300)), at_random(2));
        }
    }
    Survey survey_at_random() {
        Survey survey;
        survey.held = Bytes{static_cast<std::uint64_t>(number(2048)) << 20U};
        survey.refused = at_random(3) ? Rule::kNoPool : Rule::kNone;
        survey.pool_explains_growth = at_random(2);
        if (survey.refused == Rule::kNone) {
            survey.candidate.pid = 1 + number(1000);
            survey.candidate.bytes = Bytes{static_cast<std::uint64_t>(number(1024)) << 20U};
        }
        return survey;
    }
    /// Docker's answer: the raised limit, or that of the policy, or something else.
    void feed_loan() {
        const State& state = story.result.state;
        if (at_random(8)) return void(story.feed(LoanDone{at_random(2), Bytes{3_GiB}}));
        const Bytes policy = state.loan_from == kUnlimited ? Story::kHard : state.loan_from;
        if (state.phase == Phase::kBorrowing && at_random(2)) {
            story.feed(LoanDone{true, state.hard + 64_MiB});
        } else {
            story.feed(LoanDone{false, at_random(4) ? policy + 64_MiB : policy});
        }
    }
    Duration seconds_at_random() { return std::chrono::seconds(number(30)); }

    void check() {
        const State& state = story.result.state;
        ASSERT_LT(story.last.size(), Actions::kCapacity) << "one more would have been lost";
        // No busy loop, no time in the past.
        ASSERT_GE(story.result.sample_at, story.now);
        ASSERT_GE(story.result.quiet, 0s);
        if (ticked_) {
            ASSERT_GT(story.deadline(), story.now)
                << to_string(before_.phase) << " -> " << to_string(state.phase);
        }
        if (state.has_sample && state.last_at == story.now) {
            ASSERT_GT(story.result.sample_at, story.now);
        }
        if (state.frozen && state.phase != Phase::kPaused) {
            ASSERT_NE(story.deadline(), TimePoint::max());
        }
        if (state.others_held && state.phase != Phase::kPaused) {
            ASSERT_NE(story.deadline(), TimePoint::max()) << "held without a deadline";
        }
        check_brake();
        check_recycle();
        check_drain_hook();
        check_restraint();
        check_breaker();
        check_loan();
    }

    /// What was asked of the kernel and what the state remembers of it are the same.
    void check_brake() {
        const State& state = story.result.state;
        for (const Action& action : story.last) {
            if (std::holds_alternative<Freeze>(action)) stands_still_ = true;
            if (std::holds_alternative<Thaw>(action) || std::holds_alternative<KillWhole>(action))
                stands_still_ = false;
        }
        const bool new_life =
            before_.frozen && !state.frozen && !story.did<Thaw>() && !story.did<KillWhole>();
        if (new_life) {
            stands_still_ = false;  // it ended, or the freeze was never written
            ASSERT_TRUE(state.phase == Phase::kExited || state.phase == Phase::kUnarmed ||
                        state.phase == before_.phase || before_.phase == Phase::kHeld);
        }
        ASSERT_EQ(state.frozen, stands_still_)
            << to_string(before_.phase) << " -> " << to_string(state.phase);
        if (state.phase != Phase::kDraining || before_.phase == Phase::kDraining || !story.did<Thaw>())
            return;
        ASSERT_LT(story.place<SetTripwire>(), story.place<Thaw>());
        ASSERT_EQ(story.find<SetTripwire>()->value, state.drain_line());
        ASSERT_LE(state.drain_line(), state.kill_line());
    }

    /// Only the process that was surveyed is signalled or killed, and only while it is being recycled.
    void check_recycle() {
        const State& state = story.result.state;
        if (const auto* sent = story.find<RecycleProcess>()) {
            ASSERT_EQ(before_.phase, Phase::kSurveying);
            ASSERT_EQ(sent->pid, state.recycled.pid);
            ASSERT_NE(sent->pid, 0);
            ASSERT_LT(story.place<SetTripwire>(), story.place<Thaw>());
        }
        if (const auto* killed = story.find<KillProcess>()) {
            ASSERT_EQ(before_.phase, Phase::kRecycling);
            ASSERT_EQ(killed->pid, before_.recycled.pid);
            ASSERT_FALSE(before_.process_ended);
        }
        if (story.did<HoldOthers>()) {
            ASSERT_FALSE(before_.others_held);
        }
        if (state.phase == Phase::kRecycling) {
            ASSERT_NE(state.recycled.pid, 0);
            ASSERT_NE(story.deadline(), TimePoint::max());
        }
    }

    /// It runs while it is taken out of its load balancer, for a bounded time; where it serves, no file
    /// keeps it out.
    void check_drain_hook() {
        const State& state = story.result.state;
        if (state.phase == Phase::kDrainHook) {
            ASSERT_FALSE(state.frozen);
            ASSERT_LE(story.deadline(), state.tripped_at + 3s);
        }
        if (story.did<CallDrainHook>()) {
            ASSERT_TRUE(state.phase == Phase::kDrainHook || state.phase == Phase::kSignalling);
        }
        ASSERT_FALSE(story.did<CallDrainHook>() && story.did<EndDrainHook>());
        const bool sampled = state.has_sample && state.last_at == story.now && was_sampled_;
        const bool stayed = state.phase == before_.phase;
        if (sampled && stayed && (state.phase == Phase::kWatching || state.phase == Phase::kQuarantined)) {
            ASSERT_FALSE(state.hook_called);
        }
    }

    /// What is not ours to touch is not touched.
    void check_restraint() {
        const bool acts = story.did<Freeze>() || story.did<AskStop>() || story.did<SignalStop>() ||
                          story.did<KillWhole>() || story.did<RecycleProcess>() || story.did<KillProcess>() ||
                          story.did<HoldOthers>();
        if (!governed_) {
            for (const Action& action : story.last)
                ASSERT_TRUE(std::holds_alternative<Publish>(action) || std::holds_alternative<Thaw>(action))
                    << action.index();
        }
        if (acts) {
            ASSERT_NE(before_.phase, Phase::kLeftAlone);
            ASSERT_NE(before_.phase, Phase::kPaused);
            ASSERT_NE(before_.phase, Phase::kUnarmed);
        }
        if (story.did<KillWhole>()) {
            ASSERT_TRUE(!before_.killed || story.now - killed_at_ >= 10s || before_.phase != Phase::kDraining)
                << "killed twice";
            killed_at_ = story.now;
        }
    }

    /// Never more restarts in a window than any policy so far allowed, unless a person reset the count.
    void check_breaker() {
        if (before_.restarts.count() > 0 && story.result.state.restarts.count() == 0) restarts_.clear();
        if (story.did<AskStop>() && story.result.state.trip.rule != Rule::kRestartWith)
            restarts_.push_back(story.now);
        std::erase_if(restarts_, [this](TimePoint at) { return at <= story.now - 10min; });
        ASSERT_LE(restarts_.size(), 4U);
    }

    /// Never a second loan, never a limit below what is used, and never for ever.
    void check_loan() {
        const State& state = story.result.state;
        if (story.did<GrantLoan>()) {
            ASSERT_EQ(before_.loan_from, kUnlimited);
            ASSERT_TRUE(state.frozen);
            ASSERT_GT(story.find<GrantLoan>()->hard, state.hard);
        }
        if (const auto* back = story.find<RepayLoan>()) {
            ASSERT_LT(state.last.unreclaimable,
                      share_of(back->hard, story.policy.memory.tripwire.share.value()));
            ASSERT_EQ(back->hard, state.loan_from);
        }
        if (state.borrowed() && state.phase == Phase::kWatching) {
            ASSERT_LE(story.deadline(), std::max(state.loan_until, story.now + 1ms));
        }
        if (state.phase == Phase::kBorrowing) {
            ASSERT_NE(story.deadline(), TimePoint::max());
        }
    }

    std::mt19937 random_;
    bool governed_;
    State before_;
    bool ticked_ = false;
    bool was_sampled_ = false;
    bool stands_still_ = false;
    TimePoint killed_at_{};
    std::vector<TimePoint> restarts_;

  public:
    Story story;
};

void run_chaos(bool governed) {
    for (int seed = 0; seed < kSequences; ++seed) {
        Chaos chaos(static_cast<unsigned>(seed), governed);
        for (int i = 0; i < kInputs; ++i) {
            chaos.next();
            if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", input " << i;
        }
        chaos.ends_well();
        if (testing::Test::HasFailure()) FAIL() << "seed " << seed << ", at its end";
    }
}

TEST(step_property, holds_for_any_order_of_inputs) {
    run_chaos(true);
}

TEST(step_property, a_policy_without_near_oom_only_watches) {
    run_chaos(false);
}

TEST(step_property, the_same_input_gives_the_same_answer) {
    Chaos one(7, true);
    Chaos two(7, true);
    for (int i = 0; i < 500; ++i) {
        one.next();
        two.next();
        ASSERT_EQ(one.story.phase(), two.story.phase());
        ASSERT_EQ(one.story.last.size(), two.story.last.size());
        ASSERT_EQ(one.story.result.sample_at, two.story.result.sample_at);
    }
}

}  // namespace
}  // namespace policies
