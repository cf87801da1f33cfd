// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/exporter.hpp"

#include "tests/support/cgroup_tree.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/fakes.hpp"
#include "tests/support/run_task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace governor::metrics {
namespace {

using namespace std::chrono_literals;
using policies::operator""_MiB;
using testing::HasSubstr;
using testing::Not;

/// A real supervisor, with two containers of a fake Docker.
class ExporterTest : public testing::Test {
  protected:
    ExporterTest() {
        policies::ServicePolicy worker;
        worker.name = "worker";
        worker.match.service = {"coach"};
        worker.near_oom.emplace();
        policies::ServicePolicy database;
        database.name = "database";
        database.match.service = {"postgres"};
        database.reserve.emplace();
        database.reserve->min = policies::Size{.bytes = 64_MiB, .share = {}};
        policy_.services = {worker, database};
        tree_.file("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 2097152 kB\nSwapFree: 0 kB\n");
        const auto policy = std::make_shared<const policies::Policy>(policy_);
        const cgroups::Processes processes(tree_.path("proc"));
        Host host;
        host.cgroup_mount = tree_.path();
        host.cgroup_driver = "systemd";
        keeper_ = std::make_unique<reserve::Keeper>(reserve::Keeper::Parts{io_.get_executor(),
                                                                           nullptr,
                                                                           worker_,
                                                                           sink_,
                                                                           processes,
                                                                           steady,
                                                                           tree_.path(),
                                                                           true,
                                                                           8192_MiB,
                                                                           {}});
        supervisor_ = std::make_unique<Supervisor>(
            Supervisor::Parts{io_.get_executor(), docker_, actuator_, sink_, worker_, processes, steady,
                              history_, keeper_.get()},
            host, policy);
        host_watch_ =
            std::make_unique<HostWatch>(HostWatch::Parts{io_.get_executor(), *supervisor_, sink_, worker_,
                                                         processes, steady, tree_.path(), tree_.path("proc")},
                                        policy);
        exporter_ = std::make_unique<Exporter>(Exporter::Parts{io_.get_executor(),
                                                               *supervisor_,
                                                               *keeper_,
                                                               *host_watch_,
                                                               registry_,
                                                               processes,
                                                               [this] { return now_; },
                                                               {},
                                                               [] { return std::optional(512_MiB); }},
                                               std::nullopt);
    }

    static policies::TimePoint steady() {
        return policies::TimePoint(std::chrono::duration_cast<policies::Duration>(
            std::chrono::steady_clock::now().time_since_epoch()));
    }
    static std::string id_of(char digit) { return std::string(64, digit); }

    void add(char digit, const std::string& service, std::uint64_t anon) {
        const std::string id = id_of(digit);
        test::add_scope(tree_, id, anon, "268435456");
        listed_ += (listed_.empty() ? "" : ",") + (R"({"Id":")" + id + R"(","State":"running"})");
        engine_.on(
            "GET", "/containers/" + id + "/json",
            test::Reply::json(R"({"Id":")" + id + R"(","Name":"/shop-)" + service +
                              R"(-1","State":{"Running":true,"Pid":0},"Config":{"Image":"img","Labels":{
                      "com.docker.compose.project":"shop","com.docker.compose.service":")" +
                              service + R"("}},"HostConfig":{"Memory":268435456,"MemorySwap":268435456}})"));
    }
    void settle() {
        engine_.on("GET", "/containers/json", test::Reply::json("[" + listed_ + "]"));
        boost::asio::co_spawn(io_, supervisor_->reconcile(true), [](const std::exception_ptr&) {});
        boost::asio::co_spawn(io_, supervisor_->run(), [](const std::exception_ptr&) {});
        ASSERT_TRUE(test::run_until(io_, [this] {
            for (const auto& [id, entry] : supervisor_->entries())
                if (!entry.armed || !entry.controller->state().has_sample) return false;
            return supervisor_->entries().size() == 2;
        }));
    }
    std::string scrape() {
        now_ += 1min;
        return *exporter_->text();
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
    Registry registry_;
    policies::TimePoint now_{1h};
    std::unique_ptr<reserve::Keeper> keeper_;
    std::unique_ptr<Supervisor> supervisor_;
    std::unique_ptr<HostWatch> host_watch_;
    std::unique_ptr<Exporter> exporter_;
};

const char* const kCoach = R"({project="shop",service="coach",container="shop-coach-1",policy="worker")";
const char* const kPostgres =
    R"({project="shop",service="postgres",container="shop-postgres-1",policy="database")";

TEST_F(ExporterTest, ShowsWhatTheSupervisorKnows) {
    add('a', "coach", 100U << 20U);
    add('b', "postgres", 10U << 20U);
    settle();
    const std::string text = scrape();
    const auto has = [&](const std::string& line) { EXPECT_THAT(text, HasSubstr("\n" + line + "\n")); };
    has("governor_container_memory_unreclaimable_bytes" + std::string(kCoach) + "} 104857600");
    has("governor_container_memory_hard_limit_bytes" + std::string(kCoach) + "} 268435456");
    has("governor_container_oom_eta_seconds" + std::string(kCoach) + "} +Inf");
    has("governor_container_phase" + std::string(kCoach) + ",phase=\"watching\"} 1");
    has("governor_container_restarts_total" + std::string(kCoach) + ",outcome=\"graceful\"} 0");
    has("governor_container_memory_reserved_bytes" + std::string(kPostgres) + ",kind=\"min\"} 67108864");
    has("governor_containers 2");
    has("governor_host_memory_available_bytes 2147483648");
    has("governor_host_memory_keep_free_bytes 536870912");
}

TEST_F(ExporterTest, TheSeriesOfARemovedContainerGo) {
    add('a', "coach", 100U << 20U);
    add('b', "postgres", 10U << 20U);
    settle();
    publish::Record trip;
    trip.type = "oom_near";
    trip.subject = publish::Subject{.id = id_of('a')};
    trip.event.emplace();
    trip.event->type = policies::EventType::kOomNear;
    registry_.publish(trip);
    EXPECT_THAT(scrape(), HasSubstr("governor_container_trips_total" + std::string(kCoach) + "} 1\n"));
    supervisor_->on_event({"container", "destroy", id_of('a'), {}, 1});
    EXPECT_THAT(scrape(), Not(HasSubstr("coach")));
    EXPECT_THAT(scrape(), HasSubstr("postgres"));
}

TEST_F(ExporterTest, OfAnEndedContainerOnlyWhatIsStillTrueIsShown) {
    add('a', "coach", 100U << 20U);
    add('b', "postgres", 10U << 20U);
    settle();
    supervisor_->on_event({"container", "die", id_of('a'), {{"exitCode", "0"}}, 1});
    const std::string text = scrape();
    EXPECT_THAT(text, Not(HasSubstr("governor_container_memory_current_bytes" + std::string(kCoach))));
    EXPECT_THAT(text, HasSubstr("governor_container_phase" + std::string(kCoach) + ",phase=\"unarmed\"} 1"));
}

TEST_F(ExporterTest, ManyScrapesInARowAreOneLook) {
    const SharedText first = exporter_->text();
    now_ += 100ms;
    EXPECT_EQ(exporter_->text(), first);
    now_ += 1s;
    EXPECT_NE(exporter_->text(), first);
}

TEST_F(ExporterTest, TellsOfItsOwnProcess) {
    const std::string text = scrape();
    for (const char* name :
         {"process_resident_memory_bytes ", "process_open_fds ", "process_cpu_seconds_total "}) {
        const auto at = text.find(std::string("\n") + name);
        ASSERT_NE(at, std::string::npos) << name;
        EXPECT_GT(std::stod(text.substr(at + 1 + std::string(name).size())), 0) << name;
    }
}

}  // namespace
}  // namespace governor::metrics
