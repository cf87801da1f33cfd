// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/supervisor.hpp"
#include "tests/support/cgroup_tree.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/fakes.hpp"
#include "tests/support/run_task.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace governor {

using namespace std::chrono_literals;
using policies::operator""_MiB;
using policies::operator""_GiB;

inline std::string id_of(char digit) {
    return std::string(64, digit);
}

inline std::string inspect(const std::string& id, const std::string& service, std::int64_t memory,
                           const std::string& more_labels = "",
                           const std::string& state = R"("Running":true)") {
    return R"({"Id":")" + id + R"(","Name":"/shop-)" + service + R"(-1","State":{)" + state +
           R"(,"Pid":0},"Config":{"Image":"img","StopTimeout":7,"Labels":{
      "com.docker.compose.project":"shop","com.docker.compose.service":")" +
           service + "\"" + more_labels + R"(}},
      "HostConfig":{"Memory":)" +
           std::to_string(memory) + R"(,"MemorySwap":)" + std::to_string(memory) +
           R"(,"RestartPolicy":{"Name":"always"}}})";
}

/// A supervisor with one policy, for the service "coach", on a cgroup tree of plain files and a scripted
/// engine.
class SupervisorTest : public testing::Test {
  protected:
    SupervisorTest() {
        policies::ServicePolicy worker;
        worker.name = "worker";
        worker.match.service = {"coach"};
        worker.memory.hard = policies::Size{.bytes = 256_MiB, .share = {}};
        worker.near_oom.emplace();
        policy_.services.push_back(worker);
        Host host;
        host.cgroup_mount = tree_.path();
        host.cgroup_driver = "systemd";
        host.memory = 8_GiB;
        host.own_container = id_of('9');
        supervisor_ = std::make_unique<Supervisor>(
            Supervisor::Parts{io_.get_executor(), docker_, actuator_, sink_, worker_,
                              cgroups::Processes(tree_.path("proc")), [] { return now(); }, history_},
            host, std::make_shared<policies::Policy>(policy_));
    }

    static policies::TimePoint now() {
        return policies::TimePoint(std::chrono::duration_cast<policies::Duration>(
            std::chrono::steady_clock::now().time_since_epoch()));
    }

    void add(char digit, const std::string& service, std::uint64_t anon, std::int64_t limit,
             const std::string& more_labels = "", const std::string& state = R"("Running":true)") {
        const std::string id = id_of(digit);
        test::add_scope(tree_, id, anon, limit == 0 ? "max" : std::to_string(limit));
        listed_ += (listed_.empty() ? "" : ",") + (R"({"Id":")" + id + R"(","State":"running"})");
        engine_.on("GET", "/containers/" + id + "/json",
                   test::Reply::json(inspect(id, service, limit, more_labels, state)));
        engine_.on("POST", "/containers/" + id + "/update", test::Reply::json("{}"));
    }

    /// Lists, attaches, arms; until `done`.
    template <class Done>
    bool settle(Done done) {
        engine_.on("GET", "/containers/json", test::Reply::json("[" + listed_ + "]"));
        asio_spawn(supervisor_->reconcile(true));
        asio_spawn(supervisor_->run());
        return test::run_until(io_, done);
    }
    void asio_spawn(boost::asio::awaitable<void> task) {
        boost::asio::co_spawn(io_, std::move(task), [](const std::exception_ptr&) {});
    }
    const policies::State& state(char digit) { return supervisor_->find(id_of(digit))->controller->state(); }
    bool armed(char digit) {
        const auto* entry = supervisor_->find(id_of(digit));
        return entry != nullptr && entry->armed;
    }
    std::string file(char digit, const std::string& name) {
        return tree_.text("system.slice/docker-" + id_of(digit) + ".scope/" + name);
    }

    TempTree tree_;
    boost::asio::io_context io_;
    test::FakeEngine engine_{io_};
    docker::Client docker_{io_.get_executor(), engine_.socket_path()};
    test::FakeActuator actuator_;
    test::FakeSink sink_;
    async::Worker worker_{io_.get_executor()};
    HistoryStore history_{tree_.path("state"), "boot", worker_};
    policies::Policy policy_;
    std::string listed_;
    std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace governor
