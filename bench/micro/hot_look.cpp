// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "bench/micro/watched.hpp"
#include "governor/supervisor.hpp"
#include "governor/watch/verdicts.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/run_task.hpp"

#include <spdlog/spdlog.h>

#include <memory>
#include <stdexcept>

// A whole look at a container: the supervisor wakes, reads, decides, remembers, and sleeps.
namespace micro {
namespace {

using namespace std::chrono_literals;
using policies::TimePoint;

const std::string kId(64, 'a');

constexpr const char* kInspect = R"("Name":"/jobmate-coach-1","State":{"Running":true,"Pid":0},
    "Config":{"Image":"coach:1","Labels":{"com.docker.compose.project":"jobmate","com.docker.compose.service":"coach"}},
    "HostConfig":{"Memory":2147483648,"MemorySwap":2147483648,"RestartPolicy":{"Name":"always"}}})";

/// The daemon's own loop with one container, and a clock that jumps: each time it is asked, ten seconds have
/// gone by, so the next look is always due. It began long ago, so that what Asio waits for is over at once.
class Looking {
  public:
    Looking() {
        const std::string scope = "system.slice/docker-" + kId + ".scope/";
        memory_files(tree_, scope);
        tree_.file(scope + "memory.events.local", kernel_texts::kMemoryEvents);
        tree_.file("system.slice/memory.events.local", kernel_texts::kMemoryEvents);
        tree_.file("proc/meminfo", kernel_texts::kMeminfo);
        engine_.on("GET", "/containers/json",
                   governor::test::Reply::json(R"([{"Id":")" + kId + R"(","State":"running"}])"));
        engine_.on("GET", "/containers/" + kId + "/json",
                   governor::test::Reply::json(R"({"Id":")" + kId + R"(",)" + kInspect));
        boost::asio::co_spawn(io_, supervisor_.reconcile(true), [](const std::exception_ptr&) {});
        if (!governor::test::run_until(io_, [this] { return armed(); }))
            throw std::runtime_error("the container of the benchmark is not armed");
        controller_ = supervisor_.find(kId)->controller.get();
        // Only now: it never sleeps with that clock, and would leave no time for anybody else.
        boost::asio::co_spawn(io_, supervisor_.run(), [](const std::exception_ptr&) {});
    }

    void look(std::size_t times) {
        left_ = times;
        io_.restart();
        io_.run();
    }

  private:
    bool armed() {
        const auto* entry = supervisor_.find(kId);
        return entry != nullptr && entry->armed;
    }
    TimePoint clock() {
        now_ += 10s;
        if (controller_ != nullptr && controller_->state().last_at != seen_) {
            seen_ = controller_->state().last_at;
            if (--left_ == 0) io_.stop();
        }
        return now_;
    }
    static std::shared_ptr<policies::Policy> policy() {
        auto out = std::make_shared<policies::Policy>();
        auto& service = out->services.emplace_back();
        service.name = "ai-coach";
        service.match.service = {"coach"};
        service.near_oom.emplace();
        return out;
    }
    governor::Host host() const {
        governor::Host out;
        out.cgroup_mount = tree_.path();
        out.cgroup_driver = "systemd";
        return out;
    }
    governor::watch::Verdicts::Parts verdicts_parts() {
        governor::watch::Verdicts::Parts parts{
            io_.get_executor(),         docker_,     deaf_, worker_, processes_,
            [this] { return clock(); }, tree_.path()};
        parts.proc = tree_.path("proc");
        parts.kernel_log = tree_.path("no-kmsg");
        return parts;
    }

    TempTree tree_;
    TimePoint now_{-24h * 365 * 50};
    std::size_t left_ = 0;
    TimePoint seen_{};
    const governor::Controller* controller_ = nullptr;
    Deaf deaf_;
    boost::asio::io_context io_;
    governor::test::FakeEngine engine_{io_};
    governor::docker::Client docker_{io_.get_executor(), engine_.socket_path()};
    governor::async::Worker worker_{io_.get_executor()};
    governor::HistoryStore history_{tree_.path("state"), "boot", worker_};
    cgroups::Processes processes_{tree_.path("proc")};
    governor::watch::Verdicts verdicts_{verdicts_parts()};
    governor::Supervisor supervisor_{{io_.get_executor(), docker_, deaf_, deaf_, worker_, processes_,
                                      [this] { return clock(); }, history_, nullptr, &verdicts_},
                                     host(),
                                     policy()};
};

}  // namespace

void add_looking(HotList& list) {
    // Verdicts says that it cannot read the kernel's log here, which is meant.
    const auto level = spdlog::get_level();
    spdlog::set_level(spdlog::level::off);
    const auto looking = std::make_shared<Looking>();
    spdlog::set_level(level);
    list.push_back(
        {"look_at_a_container", Memory::kNever, [looking](std::size_t rounds) { looking->look(rounds); }});
}

}  // namespace micro
