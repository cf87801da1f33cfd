// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/exec.hpp"

#include "cgroup/fd.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace governor::hooks {
namespace {

using namespace std::chrono_literals;

/// The signal is sent; that it has arrived is waited for. No such process: it is gone already.
void expect_ended(int pid) {
    const cgroups::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    pollfd ended{process.get(), POLLIN, 0};
    constexpr int kGuardMs = 30'000;
    EXPECT_TRUE(!process || ::poll(&ended, 1, kGuardMs) == 1) << "it lives on";
}

class ExecTest : public testing::Test {
  protected:
    ExecTest() {
        // As on a carrier's thread, where all signals are blocked.
        ::signal(SIGPIPE, SIG_IGN);
        std::string name = testing::TempDir() + "hook-XXXXXX";
        folder = ::mkdtemp(name.data());
    }
    ~ExecTest() override { std::filesystem::remove_all(folder); }

    Outcome run(const std::string& script, std::chrono::milliseconds timeout = 20s) {
        ExecTransport transport({.command = {"/bin/sh", "-c", script, "sh", folder}, .timeout = timeout});
        return transport.deliver({event, {}, {}}, stop);
    }
    std::string file(const std::string& name) const {
        std::ifstream in(folder + "/" + name);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    std::string folder;
    std::atomic<bool> stop{false};
    journal::Stored event{7,
                          {},
                          "oom_verdict",
                          "jobmate",
                          "coach",
                          "jobmate-coach-1",
                          R"({"id":7,"type":"oom_verdict","verdict":"own_limit","detail":"too\nmuch"})"};
};

TEST_F(ExecTest, TheEventIsOnItsInputAndInItsEnvironment) {
    const Outcome outcome = run("cat > $1/in; env | grep ^GOVERNOR > $1/env");
    EXPECT_EQ(outcome.kind, Outcome::Kind::kDelivered) << outcome.error;
    EXPECT_EQ(file("in"), event.json + "\n");
    const std::string env = file("env");
    for (const char* line : {"GOVERNOR_ID=7\n", "GOVERNOR_TYPE=oom_verdict\n", "GOVERNOR_SERVICE=coach\n",
                             "GOVERNOR_PROJECT=jobmate\n", "GOVERNOR_CONTAINER=jobmate-coach-1\n",
                             "GOVERNOR_VERDICT=own_limit\n", "GOVERNOR_OUTCOME=\n"})
        EXPECT_NE(env.find(line), std::string::npos) << line << env;
}

TEST_F(ExecTest, NoOtherVariableOfTheGovernorsIsPassedOn) {
    ::setenv("HOOK_TEST_SECRET", "s3cret", 1);
    run("env > $1/env");
    ::unsetenv("HOOK_TEST_SECRET");
    EXPECT_EQ(file("env").find("s3cret"), std::string::npos);
}

TEST_F(ExecTest, TheExitCodeSaysHowItWent) {
    const Outcome bad = run("exit 3");
    EXPECT_EQ(bad.kind, Outcome::Kind::kFailed);
    EXPECT_EQ(bad.error, "/bin/sh ended with exit code 3");
    EXPECT_EQ(run("kill -SEGV $$").error, "/bin/sh was ended by signal 11");
}

TEST_F(ExecTest, AProgramThatIsNotThereIsSaidSo) {
    ExecTransport transport({.command = {"/no/such/program"}, .timeout = 1s});
    const Outcome outcome = transport.deliver({event, {}, {}}, stop);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
    EXPECT_NE(outcome.error.find("/no/such/program cannot be run: No such file"), std::string::npos)
        << outcome.error;
}

TEST_F(ExecTest, OneThatHangsIsKilledAtItsTimeoutWithItsChildren) {
    const Outcome outcome = run("sleep 1000 & echo $! > $1/child; wait", 2s);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kFailed);
    EXPECT_NE(outcome.error.find("did not end within 2000 ms"), std::string::npos) << outcome.error;
    const int child = std::atoi(file("child").c_str());
    ASSERT_GT(child, 0) << "the script had no time to begin";
    expect_ended(child);
}

TEST_F(ExecTest, WhatMadeASessionOfItsOwnIsKilledToo) {
    const Outcome outcome =
        run("setsid sh -c 'echo $$ > $0/stray.new; mv $0/stray.new $0/stray; exec sleep 1000' $1 & "
            "while ! [ -e $1/stray ]; do sleep 0.05; done");
    EXPECT_EQ(outcome.kind, Outcome::Kind::kDelivered) << outcome.error;
    const int stray = std::atoi(file("stray").c_str());
    ASSERT_GT(stray, 0);
    expect_ended(stray);
}

TEST_F(ExecTest, OneThatForksAndStaysDoesNotHoldUpTheNext) {
    // The child keeps standard input and output open, and does not end.
    const Outcome outcome = run("sleep 1000 & exit 0");
    EXPECT_EQ(outcome.kind, Outcome::Kind::kDelivered) << outcome.error;
}

TEST_F(ExecTest, ALongEventThatNobodyReadsIsNoObstacle) {
    event.json.assign(1UL << 20U, 'x');
    EXPECT_EQ(run("exit 0").kind, Outcome::Kind::kDelivered);
    EXPECT_EQ(run("cat > $1/in").kind, Outcome::Kind::kDelivered);
    EXPECT_EQ(file("in").size(), event.json.size() + 1);
}

TEST_F(ExecTest, ItEndsWithTheGovernor) {
    stop = true;
    EXPECT_EQ(run("sleep 1000").kind, Outcome::Kind::kFailed);
}

}  // namespace
}  // namespace governor::hooks
