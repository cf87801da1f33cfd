// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/app.hpp"

#include "cgroup/hierarchy.hpp"
#include "governor/act/guardian.hpp"
#include "governor/act/live_actuator.hpp"
#include "governor/async/exit_deadline.hpp"
#include "governor/async/worker.hpp"
#include "governor/dbus/bus_name.hpp"
#include "governor/docker/event_stream.hpp"
#include "governor/docker/identity.hpp"
#include "governor/hooks/hooks.hpp"
#include "governor/host_ledger.hpp"
#include "governor/host_watch.hpp"
#include "governor/http/docker_api.hpp"
#include "governor/http/server.hpp"
#include "governor/introspect.hpp"
#include "governor/journal/journal.hpp"
#include "governor/lifetime.hpp"
#include "governor/metrics/exporter.hpp"
#include "governor/metrics/listen_address.hpp"
#include "governor/outputs.hpp"
#include "governor/policy_files.hpp"
#include "governor/publish/line_writer.hpp"
#include "governor/publish/publisher.hpp"
#include "governor/reserve/keeper.hpp"
#include "governor/self.hpp"
#include "governor/supervisor.hpp"
#include "governor/systemd/bus_units.hpp"
#include "governor/watch/verdicts.hpp"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>

namespace governor {
namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

/// Lists and events are compared every minute, in case an event was lost; more seldom on a host with many
/// containers, because Docker and we work through all of them for it.
constexpr std::size_t kContainersAMinute = 250;
constexpr std::size_t kMostMinutes = 10;
/// The engine's event ring is read from a little before now: an event between our list and our subscription
/// is not lost.
constexpr auto kEventsFrom = 2s;

policies::TimePoint monotonic_now() {
    return policies::TimePoint(
        std::chrono::duration_cast<policies::Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::string slurp(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The daemon's parts, made in the order in which they depend on each other.
class Daemon {
  public:
    Daemon(const RunOptions& options, cgroups::Hierarchy hierarchy,
           std::shared_ptr<const policies::Policy> policy, async::ExitDeadline& deadline)
        : options_(options),
          deadline_(deadline),
          hierarchy_(std::move(hierarchy)),
          policy_(std::move(policy)),
          log_(STDOUT_FILENO, line_options(format())),
          journal_(loop_.get_executor(), journal_options(), std::chrono::system_clock::now,
                   [this](const std::string& type, const std::string& detail) { tell(type, detail); }),
          publisher_([] { return std::chrono::system_clock::now(); }, &log_, publisher_options()),
          docker_(loop_.get_executor(), options.docker_socket),
          processes_(options.proc),
          worker_(loop_.get_executor()),
          history_(options.state_dir, slurp(options.proc + "/sys/kernel/random/boot_id"), worker_),
          actuator_(
              {loop_.get_executor(), docker_, guardian_, worker_, processes_, monotonic_now, options.proc}) {
        guardian_.on_released([this](const act::BrakeRelease& release) {
            if (supervisor_) supervisor_->on_brake_lost(release);
        });
        publisher_.also(metrics_);
        metrics_.watch_queue({"log", ""}, [this] { return metrics::QueueState{{}, log_.lost()}; });
        metrics_.watch_queue({"journal", ""}, [this] {
            const journal::Backlog backlog = journal_.backlog();
            return metrics::QueueState{backlog.waiting, backlog.dropped};
        });
    }

    int run() {
        asio::co_spawn(loop_, main(), [this](std::exception_ptr error) {
            if (error) {
                try {
                    std::rethrow_exception(error);
                } catch (const std::exception& e) {
                    spdlog::critical("the governor ends because of an unexpected exception: {}", e.what());
                    exit_code_ = kProblems;
                }
            }
            // Whatever still waits for an answer from outside does not hold up the end.
            loop_.stop();
        });
        deadline_.step("the event loop");
        loop_.run();
        // The end has begun, for whatever reason, and is held to the same limit as after a signal.
        deadline_.start();
        deadline_.step("the release of the brakes");
        // What the guardian released while this process was stopped is not signalled again.
        guardian_.hear();
        if (supervisor_) supervisor_->stand_down();
        deadline_.step("the journal");
        journal_.close(1s);
        deadline_.step("the log");
        log_.close(1s);
        deadline_.step("a thread that waits for the kernel, Docker or a bus");
        return exit_code_;
    }

  private:
    publish::Publisher::Format format() const {
        return options_.text_log ? publish::Publisher::Format::kText : publish::Publisher::Format::kJson;
    }
    publish::Publisher::Options publisher_options() {
        publish::Publisher::Options out;
        out.format = format();
        out.journal = to_journal();
        out.next_id = [this] { return journal_.next_id(); };
        out.store = [this](const publish::PublishedPtr& event) { journal_.append(event); };
        return out;
    }
    journal::Options journal_options() const {
        journal::Options out;
        out.folder = options_.state_dir;
        out.retention = options_.retention;
        return out;
    }

    void tell(const std::string& type, const std::string& detail) {
        publish::Record record;
        record.type = type;
        record.detail = detail;
        publisher_.publish(record);
    }

    asio::awaitable<void> ask_docker() {
        version_ = co_await docker_.negotiate();
        if (version_ && *version_) info_ = co_await docker_.info();
    }

    asio::awaitable<void> main() {
        const auto first = co_await (ask_docker() || lifetime_.wait_for_early_end());
        if (first.index() == 1) co_return;
        const auto& version = *version_;
        if (!version) co_return give_up(version.error().message);
        const auto& info = *info_;
        if (!info) co_return give_up(info.error().message);

        if (const auto started = guardian_.start(act::guardian_program()); !started)
            spdlog::error("{}", started.error().message());
        Host host;
        host.cgroup_mount = hierarchy_.mount;
        host.cgroup_driver = info->cgroup_driver;
        host.docker_version = version->version;
        // What Docker reports is MemTotal, with reserved huge pages and zram's own use.
        const auto usable = read_host_memory(options_.proc, options_.sys);
        host.memory = usable ? *usable : policies::Bytes{static_cast<std::uint64_t>(info->mem_total)};
        host.own_container = docker::own_container_id(slurp(options_.proc + "/self/cgroup"),
                                                      slurp(options_.proc + "/self/mountinfo"))
                                 .value_or("");
        if (const std::string problem = refuse_by_ledger(*policy_, host.memory); !problem.empty()) {
            exit_code_ = fail(kProblems, "the policies cannot be kept, nothing was touched: " + problem);
            co_return;
        }
        make_keeper(host);
        make_verdicts(host);
        make_hooks(info->name);
        Supervisor::Parts parts{
            loop_.get_executor(), docker_,  actuator_,     publisher_,      worker_,       processes_,
            monotonic_now,        history_, keeper_.get(), verdicts_.get(), options_.proc, options_.sys};
        parts.before_deadline = [this] { guardian_.hear(); };
        supervisor_ = std::make_unique<Supervisor>(parts, host, policy_);
        actuator_.use_lender(supervisor_.get());
        supervisor_->when_settled([this] { lifetime_.ready(); });
        host_watch_ = std::make_unique<HostWatch>(
            HostWatch::Parts{loop_.get_executor(), *supervisor_, publisher_, worker_, processes_,
                             monotonic_now, host.cgroup_mount, options_.proc},
            policy_);
        Introspection api({*supervisor_, *keeper_, publisher_, docker_, processes_, monotonic_now, started_,
                           [this] { return reload(); }, [this] { return hooks_->describe(); }});
        auto exporter = make_exporter();
        http::ServerOptions server_options;
        server_options.path = options_.socket;
        server_options.dead = &journal_;
        server_options.metrics = [&exporter] { return exporter->text(); };
        http::DockerFeed feed(publisher_, {info->id, info->name});
        http::JournalEvents past(publisher_, journal_);
        http::DockerApi docker_api(
            {docker_, feed, past, publisher_, std::chrono::system_clock::now, version->version});
        http::Server server(loop_.get_executor(), server_options, api, publisher_, &journal_, &docker_api);
        for (const auto& opened : {server.open(), exporter->open()}) {
            if (opened) continue;
            exit_code_ = fail(kProblems, opened.error());
            co_return;
        }
        const auto bus_name = make_bus_name(api);
        for (const std::string& problem : protect_self(hierarchy_.mount, processes_))
            spdlog::warn("{}", problem);
        for (const std::string& lost : lost_to_namespaces(options_.proc)) spdlog::warn("{}", lost);
        if (!hierarchy_.psi)
            spdlog::warn(
                "the kernel offers no PSI (boot it with psi=1): conditions on `pressure` never hold");
        tell("governor_started", "Version " GOVERNOR_VERSION ", Docker " + version->version + ", " +
                                     host.cgroup_driver + " driver, " +
                                     std::to_string(policy_->services.size()) + " policies.");

        hooks_->use(policy_->hooks);

        docker::EventStreamOptions stream_options;
        stream_options.since = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   (std::chrono::system_clock::now() - kEventsFrom).time_since_epoch())
                                   .count();
        stream_options.on_line = [&feed](const docker::Event& event, std::string_view line) {
            feed.on_engine_event(event, line);
        };
        docker::EventStream events(docker_, stream_options);
        host_watch_->start();
        const std::function<std::string()> reload_policies = [this] { return reload(); };
        co_await (supervisor_->run() || events.run(std::ref<docker::EventHandler>(*supervisor_)) ||
                  server.run() || keeper_->run() || verdicts_->run() || reconcile_for_ever() ||
                  lifetime_.keep_alive() || lifetime_.wait_for_end(reload_policies));
        tell("governor_stopping", "Tripwires are lifted and brakes released; the hard limits stay.");
    }

    void make_hooks(const std::string& host_name) {
        hooks_ = std::make_unique<hooks::Hooks>(hooks::Hooks::Parts{loop_.get_executor(), journal_, journal_,
                                                                    journal_, publisher_, metrics_,
                                                                    monotonic_now, host_name, options_.proc});
    }

    void make_verdicts(const Host& host) {
        watch::Verdicts::Parts parts{loop_.get_executor(), docker_,       publisher_,       worker_,
                                     processes_,           monotonic_now, host.cgroup_mount};
        parts.proc = options_.proc;
        parts.state_dir = options_.state_dir;
        parts.boot_id = slurp(options_.proc + "/sys/kernel/random/boot_id");
        parts.started_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
        verdicts_ = std::make_unique<watch::Verdicts>(std::move(parts));
    }

    std::unique_ptr<metrics::Exporter> make_exporter() {
        metrics_.set_known([this](const std::string& id) { return supervisor_->find(id) != nullptr; });
        auto keep_free = [this]() -> std::optional<policies::Bytes> {
            if (!policy_->host.keep_free) return std::nullopt;
            return policy_->host.keep_free->of(supervisor_->host().memory);
        };
        metrics::Exporter::Parts parts{
            loop_.get_executor(), *supervisor_,  *keeper_, *host_watch_, metrics_,
            processes_,           monotonic_now, started_, keep_free,    options_.proc};
        // Found good before anything was touched.
        const auto listen = metrics::parse_listen_address(options_.metrics_listen);
        return std::make_unique<metrics::Exporter>(std::move(parts),
                                                   listen ? std::optional(*listen) : std::nullopt);
    }

    std::unique_ptr<dbus::BusName> make_bus_name(http::ControlApi& api) {
        if (!options_.dbus) return nullptr;
        auto made =
            std::make_unique<dbus::BusName>(loop_.get_executor(), api, publisher_, dbus::BusName::Options{});
        metrics_.watch_queue({"dbus", ""}, [name = made.get()] {
            return metrics::QueueState{name->waiting(), name->dropped()};
        });
        return made;
    }

    /// systemd is asked only where it made the containers' cgroups.
    void make_keeper(const Host& host) {
        const std::string mountinfo = slurp(options_.proc + "/self/mountinfo");
        if (host.cgroup_driver == "systemd")
            units_ = std::make_unique<systemd::BusUnits>(loop_.get_executor());
        reserve::Keeper::Parts parts{loop_.get_executor(),
                                     units_.get(),
                                     worker_,
                                     publisher_,
                                     processes_,
                                     monotonic_now,
                                     host.cgroup_mount,
                                     cgroups::has_recursive_protection(mountinfo, host.cgroup_mount),
                                     host.memory,
                                     std::nullopt};
        if (const auto own = own_protection(host.cgroup_mount, processes_))
            parts.own = reserve::Claim{own->path, own->min, std::nullopt, std::nullopt};
        keeper_ = std::make_unique<reserve::Keeper>(std::move(parts));
    }

    void give_up(const std::string& text) { exit_code_ = fail(kUnreachable, text); }

    asio::awaitable<void> reconcile_for_ever() {
        asio::steady_timer timer(loop_);
        for (std::size_t minute = 1;; ++minute) {
            timer.expires_after(1min);
            co_await timer.async_wait(asio::use_awaitable);
            const std::size_t many = supervisor_->entries().size() / kContainersAMinute;
            if (minute % std::clamp<std::size_t>(many, 1, kMostMinutes) == 0)
                co_await supervisor_->reconcile(false);
        }
    }

    std::string reload() {
        auto loaded = load_policy_files(options_.policies);
        if (!loaded.policy) return render(loaded.diagnostics);
        if (const std::string problem = refuse_by_ledger(*loaded.policy, supervisor_->host().memory);
            !problem.empty())
            return problem + "\n";
        policy_ = std::make_shared<const policies::Policy>(std::move(*loaded.policy));
        supervisor_->set_policy(policy_);
        host_watch_->set_policy(policy_);
        hooks_->use(policy_->hooks);
        tell("policies_reloaded", std::to_string(policy_->services.size()) + " policies are in force.");
        return {};
    }

    const RunOptions& options_;
    async::ExitDeadline& deadline_;
    cgroups::Hierarchy hierarchy_;
    std::shared_ptr<const policies::Policy> policy_;
    int exit_code_ = kGood;
    std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    asio::io_context loop_{1};
    Lifetime lifetime_{loop_.get_executor(), deadline_, systemd::Notify::Options::from_environment()};
    publish::LineWriter log_;
    journal::Journal journal_;
    metrics::Registry metrics_;
    publish::Publisher publisher_;
    docker::Client docker_;
    cgroups::Processes processes_;
    act::Guardian guardian_;
    async::Worker worker_;
    HistoryStore history_;
    act::LiveActuator actuator_;
    std::optional<docker::Result<docker::Version>> version_;  ///< Docker's answers at the start
    std::optional<docker::Result<docker::Info>> info_;
    std::unique_ptr<systemd::BusUnits> units_;
    std::unique_ptr<reserve::Keeper> keeper_;
    std::unique_ptr<watch::Verdicts> verdicts_;
    std::unique_ptr<Supervisor> supervisor_;
    std::unique_ptr<HostWatch> host_watch_;
    std::unique_ptr<hooks::Hooks> hooks_;
};

}  // namespace

int run(const RunOptions& options) {
    if (!options.metrics_listen.empty())
        if (const auto address = metrics::parse_listen_address(options.metrics_listen); !address)
            return fail(kWrongUse, "--metrics-listen: " + address.error());
    ::signal(SIGPIPE, SIG_IGN);
    stay_small();
    async::ExitDeadline deadline({});
    // Diagnostics go to stderr, from a thread of their own: a full pipe loses the oldest of them instead of
    // stopping the loop.
    constexpr std::size_t kWaitingLines = 512;
    spdlog::init_thread_pool(kWaitingLines, 1);
    spdlog::set_default_logger(std::make_shared<spdlog::async_logger>(
        "governor", std::make_shared<spdlog::sinks::stderr_sink_mt>(), spdlog::thread_pool(),
        spdlog::async_overflow_policy::overrun_oldest));
    auto loaded = load_policy_files(options.policies);
    const std::string told = render(loaded.diagnostics);
    if (!loaded.policy) return fail(kProblems, "the policies cannot be used, nothing was touched:\n" + told);
    if (!told.empty()) spdlog::warn("{}", told);
    const auto hierarchy = cgroups::find_hierarchy(options.cgroup_mount);
    if (!hierarchy) return fail(kProblems, hierarchy.error().message());
    if (const std::string problem = check_hierarchy(*hierarchy); !problem.empty())
        return fail(kProblems, problem);
    Daemon daemon(options, *hierarchy, std::make_shared<const policies::Policy>(std::move(*loaded.policy)),
                  deadline);
    return daemon.run();
}

}  // namespace governor
