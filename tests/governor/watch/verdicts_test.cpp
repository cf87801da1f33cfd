// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/verdicts.hpp"

#include "tests/support/cgroup_tree.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/fakes.hpp"
#include "tests/support/kernel_log.hpp"
#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>

namespace governor::watch {
namespace {

using namespace std::chrono_literals;
using policies::Verdict;

const std::string kId(64, 'a');
const std::string kPath = "/system.slice/docker-" + kId + ".scope";
constexpr int kPid1 = 4'000'100;

class VerdictsTest : public testing::Test {
  protected:
    VerdictsTest() {
        scope_ = test::add_scope(tree_, kId, 1 << 20, "268435456");
        tree_.file(scope_ + "memory.events.local", events(0, 0));
        tree_.file("system.slice/memory.events.local", events(0, 0));
        engine_.on(
            "GET", "/containers/" + kId + "/json",
            test::Reply::json(R"({"Id":")" + kId + R"(","Name":"/shop-coach-1","State":{"Running":true},
                       "Config":{"Image":"img","Labels":{}},"HostConfig":{}})"));
        details_.id = kId;
        details_.state.pid = kPid1;
        subject_ = publish::Subject{.id = kId, .name = "shop-coach-1", .service = "coach"};
    }

    static std::string events(int kills, int ooms) {
        return "low 0\nhigh 0\nmax 0\noom " + std::to_string(ooms) + "\noom_kill " + std::to_string(kills) +
               "\noom_group_kill 0\n";
    }
    void count(int kills, int local_ooms) {
        tree_.file(scope_ + "memory.events", events(kills, local_ooms));
        tree_.file(scope_ + "memory.events.local", events(kills, local_ooms));
    }
    Verdicts& made(bool with_log = true) {
        Verdicts::Parts parts{
            io_.get_executor(),      docker_,     sink_, worker_, cgroups::Processes(tree_.path("proc")),
            [this] { return now_; }, tree_.path()};
        parts.proc = tree_.path("proc");
        parts.kernel_log = with_log ? kernel_.path() : tree_.path("no-kmsg");
        parts.state_dir = tree_.path("state");
        parts.boot_id = "boot";
        tree_.folder("state");
        verdicts_ = std::make_unique<Verdicts>(std::move(parts));
        // What the log holds now is the past.
        if (with_log) docker("kill");
        return *verdicts_;
    }
    void found() {
        auto directory = cgroups::Directory::open(tree_.path() + kPath);
        auto files = cgroups::MemoryFiles::open(*directory);
        run_ = std::make_shared<governor::Run>(std::move(*directory), std::move(*files));
        verdicts_->on_found(details_, subject_, run_);
    }
    void docker(const std::string& action, docker::Labels attributes = {}) {
        attributes.emplace("name", "shop-coach-1");
        verdicts_->on_docker({"container", action, kId, std::move(attributes), 1});
    }
    /// A look that the supervisor takes.
    void sampled() {
        cgroups::MemorySample sample;
        sample.current = {200U << 20U};
        sample.unreclaimable = {190U << 20U};
        sample.hard = {256U << 20U};
        sample.events = *run_->files.events();
        verdicts_->on_sampled(kId, sample);
    }
    /// Time goes by without anything else.
    void settle() {
        docker("kill");
        now_ += KillCount::kSettle + 1ms;
        docker("kill");
        ASSERT_TRUE(test::run_until(io_, [this] { return sink_.last("oom_verdict") != nullptr; }));
    }
    std::ptrdiff_t told(std::string_view type = "oom_verdict") const {
        return std::ranges::count(sink_.records, type, &publish::Record::type);
    }
    const policies::Event& verdict() const { return *sink_.last("oom_verdict")->event; }

    TempTree tree_;
    std::string scope_;
    FakeKernelLog kernel_{tree_};
    boost::asio::io_context io_;
    test::FakeEngine engine_{io_};
    docker::Client docker_{io_.get_executor(), engine_.socket_path()};
    test::FakeSink sink_;
    async::Worker worker_{io_.get_executor()};
    policies::TimePoint now_{1h};
    docker::ContainerDetails details_;
    publish::SharedSubject subject_;
    std::shared_ptr<governor::Run> run_;
    std::unique_ptr<Verdicts> verdicts_;
};

TEST_F(VerdictsTest, PutsLogCounterAndDockerTogether) {
    made();
    found();
    sampled();
    now_ += 100ms;
    count(1, 1);
    kernel_.oom(kPath, kPid1, "python3");
    docker("oom");
    ASSERT_EQ(told(), 1) << "all have spoken: at once";
    const publish::Record& record = *sink_.last("oom_verdict");
    EXPECT_EQ(record.subject->service, "coach");
    EXPECT_EQ(verdict().verdict, Verdict::kOwnLimit);
    EXPECT_EQ(verdict().victim.name(), "python3");
    EXPECT_EQ(verdict().victim.pid, kPid1);
    EXPECT_TRUE(verdict().victim.main);
    EXPECT_EQ(verdict().docker_agrees, true);
    EXPECT_TRUE(verdict().evidence.has(policies::Evidence::kOomKillCounter)) << "read when the log told";
    ASSERT_EQ(record.samples.size(), 1U);
    EXPECT_EQ(record.samples[0].before, 100ms);
    EXPECT_EQ(record.samples[0].unreclaimable.value, 190U << 20U);
    sampled();
    const policies::Death death = verdicts_->on_ended(kId, 137, false);
    EXPECT_EQ(death.verdict, Verdict::kOwnLimit);
    EXPECT_EQ(death.victim.pid, kPid1);
    now_ += 1min;
    docker("die");
    EXPECT_EQ(told(), 1) << "and not again";
}

TEST_F(VerdictsTest, ACgroupThatIsGoneIsJudgedByTheLogAlone) {
    made();
    found();
    kernel_.oom(kPath, kPid1, "python3");
    tree_.remove("system.slice/docker-" + kId + ".scope");
    EXPECT_EQ(verdicts_->on_ended(kId, 137, false).verdict, Verdict::kOwnLimit);
    EXPECT_EQ(verdicts_->oom_kills(kId), 1U);
    settle();
    EXPECT_EQ(told(), 1);
    EXPECT_EQ(verdict().docker_agrees, false);
}

TEST_F(VerdictsTest, DockersFlagIsAskedWhenItsEventIsMissing) {
    engine_.forget("GET", "/containers/" + kId + "/json");
    engine_.on("GET", "/containers/" + kId + "/json",
               test::Reply::json(R"({"Id":")" + kId +
                                 R"(","Name":"/shop-coach-1","State":{"Running":true,"OOMKilled":true},
                       "Config":{"Image":"img","Labels":{}},"HostConfig":{}})"));
    made();
    found();
    kernel_.oom(kPath, 5, "child");
    settle();
    EXPECT_EQ(verdict().docker_agrees, true);
    EXPECT_FALSE(verdict().victim.main);
}

TEST_F(VerdictsTest, WithoutTheLogTheCountersTellWhoseLimit) {
    made(false);
    EXPECT_FALSE(verdicts_->reads_kernel_log());
    found();
    count(1, 1);
    sampled();
    docker("oom");
    ASSERT_EQ(told(), 1);
    EXPECT_EQ(verdict().verdict, Verdict::kOwnLimit);
    EXPECT_EQ(verdict().victim.pid, 0);

    tree_.file(scope_ + "memory.events", events(2, 1));
    tree_.file("system.slice/memory.events.local", events(0, 1));
    now_ += 1min;
    sampled();
    docker("oom");
    ASSERT_EQ(told(), 2);
    EXPECT_EQ(verdict().verdict, Verdict::kAncestorLimit);

    tree_.file(scope_ + "memory.events", events(3, 1));
    now_ += 1min;
    sampled();
    docker("oom");
    ASSERT_EQ(told(), 3);
    EXPECT_EQ(verdict().verdict, Verdict::kHostOom);
}

TEST_F(VerdictsTest, ALimitAboveIsNamed) {
    made();
    found();
    kernel_.oom(kPath, kPid1, "python3", "/system.slice");
    docker("oom");
    ASSERT_EQ(told(), 1);
    EXPECT_EQ(verdict().verdict, Verdict::kAncestorLimit);
    EXPECT_NE(sink_.last("oom_verdict")->detail.find("/system.slice"), std::string::npos);
}

TEST_F(VerdictsTest, TheHostsOwnProcessesAreToldWithoutAContainer) {
    made();
    kernel_.host_oom("/user.slice/session-1.scope", 77, "eater");
    docker("kill");
    ASSERT_EQ(told(), 1);
    EXPECT_EQ(sink_.last("oom_verdict")->subject->id, "");
    EXPECT_EQ(verdict().victim.pid, 77);
    kernel_.oom("/system.slice/backup.service", 78, "tar");
    docker("kill");
    EXPECT_EQ(told(), 1) << "a service's own limit is nobody's business here";
}

TEST_F(VerdictsTest, OneThatEndsBeforeItIsFoundIsToldAllTheSame) {
    made();
    docker("start");
    kernel_.oom(kPath, kPid1, "python3");
    const docker::Event die{"container", "die", kId, {{"exitCode", "137"}, {"name", "shop-coach-1"}}, 1};
    verdicts_->on_docker(die);
    verdicts_->on_ended_unfound(die, 137);
    ASSERT_EQ(told("exited"), 1);
    EXPECT_EQ(sink_.last("exited")->event->verdict, Verdict::kOwnLimit);
    EXPECT_EQ(sink_.last("exited")->subject->name, "shop-coach-1");
    verdicts_->on_ended_unfound(die, 137);
    EXPECT_EQ(told("exited"), 1);
    settle();
    EXPECT_EQ(told(), 1);
}

TEST_F(VerdictsTest, KillsByDockerByUsAndByItself) {
    made();
    docker("start");
    docker("kill", {{"signal", "9"}});
    EXPECT_EQ(verdicts_->on_ended(kId, 137, false).verdict, Verdict::kSigkillBySomeone);
    docker("start");
    docker("kill", {{"signal", "15"}});
    EXPECT_EQ(verdicts_->on_ended(kId, 137, true).verdict, Verdict::kKilledByGovernor);
    docker("start");
    EXPECT_EQ(verdicts_->on_ended(kId, 139, false).verdict, Verdict::kOwnExit);
    EXPECT_EQ(told(), 0);
}

TEST_F(VerdictsTest, AKillWhileNoGovernorRanIsToldOnceAndThenNeverAgain) {
    tree_.file("state/kernel-log", "boot " + std::to_string(kernel_.sequence()) + "\n");
    kernel_.oom(kPath, 5, "python3");
    made();
    ASSERT_TRUE(test::run_until(io_, [this] { return told() == 1; }));
    EXPECT_NE(sink_.last("oom_verdict")->detail.find("not running"), std::string::npos);
    EXPECT_EQ(sink_.last("oom_verdict")->subject->name, "shop-coach-1") << "asked of Docker";
    EXPECT_EQ(verdict().docker_agrees, std::nullopt);
    const std::string kept = "boot " + std::to_string(kernel_.sequence()) + "\n";
    bool written = false;
    worker_.post([] { return 0; }, [&](int) { written = true; });
    ASSERT_TRUE(test::run_until(io_, [&] { return written; }));
    EXPECT_EQ(tree_.text("state/kernel-log"), kept);
}

}  // namespace
}  // namespace governor::watch
