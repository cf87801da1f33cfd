// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/drain_hook.hpp"

#include "tests/support/cgroup_tree.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/run_task.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <utility>
#include <vector>

namespace governor::act {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using test::Reply;

/// A container whose main process is this one, with a root folder of its own.
class DrainHookTest : public testing::Test {
  protected:
    DrainHookTest() {
        tree_.folder("root/run");
        tree_.folder("proc/" + std::to_string(::getpid()));
        fs::create_symlink(tree_.path("root"), tree_.path("proc/" + std::to_string(::getpid()) + "/root"));
        test::add_scope(tree_, "0123", 1, "268435456");
        auto directory = cgroups::Directory::open(tree_.path("system.slice/docker-0123.scope"));
        auto files = cgroups::MemoryFiles::open(*directory);
        run_ = std::make_shared<governor::Run>(std::move(*directory), std::move(*files));
        run_->main.emplace(*cgroups::PidFd::open_if(::getpid(), [](int) { return true; }));
    }

    Target target(std::variant<policies::FileCall, policies::HttpCall, policies::ExecCall> call,
                  std::chrono::milliseconds timeout = 1s) const {
        auto policy = std::make_shared<policies::ServicePolicy>();
        policy->near_oom.emplace();
        policy->near_oom->drain_hook = policies::DrainHook{.call = std::move(call), .timeout = timeout};
        publish::Subject subject;
        subject.id = cgroups::SharedText("0123");
        return Target{run_, std::move(subject), {}, std::move(policy)};
    }
    Target with_file(const std::string& path = "/run/drain") const {
        return target(policies::FileCall{path});
    }
    /// What the call answers.
    std::pair<bool, std::string> call(const Target& to) {
        const auto before = answers_.size();
        boost::asio::co_spawn(io_, hooks_.call(to, keep()), boost::asio::detached);
        EXPECT_TRUE(test::run_until(io_, [&] { return answers_.size() > before; }));
        return answers_.empty() ? std::pair<bool, std::string>{} : answers_.back();
    }
    Answer keep() {
        return [this](const InputEvent& what, const std::string& detail) {
            answers_.emplace_back(std::get<policies::DrainHookDone>(what).good, detail);
        };
    }
    bool exists(std::string_view name) const { return fs::exists(tree_.path(name)); }

    TempTree tree_;
    boost::asio::io_context io_;
    test::FakeEngine engine_{io_};
    docker::Client docker_{io_.get_executor(), engine_.socket_path()};
    DrainHooks hooks_{io_.get_executor(), docker_, tree_.path("proc")};
    std::shared_ptr<governor::Run> run_;
    std::vector<std::pair<bool, std::string>> answers_;
};

TEST_F(DrainHookTest, MakesTheFileAndRemovesIt) {
    const auto [good, detail] = call(with_file());
    EXPECT_TRUE(good) << detail;
    EXPECT_TRUE(exists("root/run/drain"));
    hooks_.end(with_file(), keep());
    EXPECT_TRUE(test::run_until(io_, [&] { return !exists("root/run/drain"); }));
    EXPECT_EQ(answers_.size(), 1U);
}

TEST_F(DrainHookTest, WorksForAFrozenContainer) {
    tree_.file("system.slice/docker-0123.scope/cgroup.freeze", "1\n");
    EXPECT_TRUE(call(with_file()).first);
    EXPECT_TRUE(exists("root/run/drain"));
}

TEST_F(DrainHookTest, SaysWhyTheFileCannotBeMade) {
    const auto missing = call(with_file("/nowhere/drain"));
    EXPECT_FALSE(missing.first);
    EXPECT_NE(missing.second.find("the folder must exist"), std::string::npos) << missing.second;

    run_->main.reset();
    const auto unseen = call(with_file());
    EXPECT_FALSE(unseen.first);
    EXPECT_NE(unseen.second.find("pid: host"), std::string::npos) << unseen.second;
}

TEST_F(DrainHookTest, RemovesTheFileOfAnEarlierPolicyToo) {
    ASSERT_TRUE(call(with_file("/run/old")).first);
    hooks_.end(with_file("/run/new"), keep());
    EXPECT_TRUE(test::run_until(io_, [&] { return !exists("root/run/old"); }));
}

TEST_F(DrainHookTest, AFileThatCannotBeRemovedIsAnswered) {
    tree_.remove("root");
    tree_.file("root", "no folder");
    hooks_.end(with_file(), keep());
    EXPECT_TRUE(test::run_until(io_, [&] { return !answers_.empty(); }));
    EXPECT_FALSE(answers_.back().first);
    EXPECT_NE(answers_.back().second.find("/run/drain may still be in the container"), std::string::npos)
        << answers_.back().second;
}

TEST_F(DrainHookTest, AnotherCallLeavesNothingToRemove) {
    tree_.file("root/run/drain", "by an operator");
    hooks_.end(target(policies::HttpCall{"http://proxy/drain"}), keep());
    hooks_.end(with_file(), keep());
    ASSERT_TRUE(call(with_file("/run/other")).first) << "the lane has done what came before";
    EXPECT_EQ(tree_.text("root/run/drain"), "by an operator");
}

TEST_F(DrainHookTest, RunsACommand) {
    engine_.on("POST", "/containers/0123/exec", Reply::json(R"({"Id":"e1"})", 201));
    engine_.on("POST", "/exec/e1/start", Reply::until_close(""));
    engine_.on("GET", "/exec/e1/json", Reply::json(R"({"Running":false,"ExitCode":3})"));
    const auto [good, detail] = call(target(policies::ExecCall{{"/app/drain"}}, 10s));
    EXPECT_FALSE(good);
    EXPECT_NE(detail.find("exit code 3"), std::string::npos) << detail;
    EXPECT_EQ(engine_.count("POST", "/containers/0123/exec"), 1U);
}

TEST_F(DrainHookTest, AFrozenContainerIsNotAskedToRunACommand) {
    tree_.file("system.slice/docker-0123.scope/cgroup.freeze", "1\n");
    const auto [good, detail] = call(target(policies::ExecCall{{"/app/drain"}}, 20ms));
    EXPECT_FALSE(good);
    EXPECT_NE(detail.find("a frozen container runs no command"), std::string::npos) << detail;
    EXPECT_TRUE(engine_.requests().empty());
}

TEST_F(DrainHookTest, WithoutAHookItSaysSo) {
    Target none = with_file();
    none.policy = std::make_shared<policies::ServicePolicy>();
    EXPECT_FALSE(call(none).first);
}

}  // namespace
}  // namespace governor::act
