// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/dbus/bus_name.hpp"

#include "governor/dbus/face.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/tree.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

namespace governor::dbus {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A bus of the test's own (package dbus).
class PrivateBus {
  public:
    /// `policy` is the inside of a <busconfig>.
    explicit PrivateBus(const std::string& policy) {
        tree_.file("bus.conf", "<busconfig><type>custom</type><listen>unix:path=" + tree_.path("bus") +
                                   "</listen><auth>EXTERNAL</auth>" + policy + "</busconfig>");
        // Other users come too.
        std::filesystem::permissions(tree_.path(), std::filesystem::perms(0755));
    }
    PrivateBus(const PrivateBus&) = delete;
    PrivateBus& operator=(const PrivateBus&) = delete;
    ~PrivateBus() { stop(); }

    /// Returns when it listens.
    void start() {
        std::array<int, 2> ready{};
        ASSERT_EQ(::pipe2(ready.data(), 0), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            const std::string config = "--config-file=" + tree_.path("bus.conf");
            const std::string print = "--print-address=" + std::to_string(ready[1]);
            ::execlp("dbus-daemon", "dbus-daemon", config.c_str(), print.c_str(), "--nofork", nullptr);
            ::_exit(127);
        }
        ::close(ready[1]);
        char byte = 0;
        const auto length = ::read(ready[0], &byte, 1);
        ::close(ready[0]);
        ASSERT_EQ(length, 1) << "dbus-daemon (Debian package dbus) did not start";
    }
    void stop() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    void freeze() const { ::kill(pid_, SIGSTOP); }
    void thaw() const { ::kill(pid_, SIGCONT); }
    std::string address() const { return "unix:path=" + tree_.path("bus"); }

  private:
    TempTree tree_;
    pid_t pid_ = 0;
};

const char* const kAllowAll =
    R"(<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>)";

class FakeApi final : public http::ControlApi {
  public:
    http::Reply status() override {
        nlohmann::json coach = {{"project", "jobmate"},
                                {"service", "coach"},
                                {"container", "jobmate-coach-1"},
                                {"policy", nullptr},
                                {"phase", "watching"},
                                {"unreclaimable", std::uint64_t{1} << 30U},
                                {"growth_per_s", std::int64_t{-5}},
                                {"hard", nullptr},
                                {"quarantined", false}};
        return {200, {{"services", nlohmann::json::array({coach})}}};
    }
    http::Reply explain(std::string_view service) override {
        if (service == "throws") throw std::runtime_error("boom");
        if (service != "coach") return {404, {{"error", "no service is called that"}}};
        return {200, {{"phase_text", "It is watched."}}};
    }
    http::Reply command(std::string_view name, std::string_view service) override {
        if (service == "well") return {409, {{"error", "it is not in quarantine"}}};
        commands.push_back(std::string(name) + " " + std::string(service));
        return {200, nlohmann::json::object()};
    }
    std::vector<std::string> commands;
};

class BusNameTest : public testing::Test {
  protected:
    explicit BusNameTest(const std::string& policy = kAllowAll) : bus_(policy) {
        options_.address = bus_.address();
        options_.retry_from = 1ms;
        options_.retry_to = 10ms;
    }

    void begin() { name_.emplace(io_.get_executor(), api_, publisher_, options_); }
    /// Runs `work` on a thread of its own, beside the loop.
    template <class Work>
    auto beside(Work work) {
        std::optional<decltype(work())> result;
        bool done = false;
        std::thread thread([&] {
            result.emplace(work());
            boost::asio::post(io_, [&] { done = true; });
        });
        EXPECT_TRUE(test::run_until(io_, [&] { return done; }));
        thread.join();
        return std::move(*result);
    }
    /// A client's connection to the bus, once the name is there.
    std::unique_ptr<sdbus::IConnection> client() {
        return beside([this] {
            const auto limit = std::chrono::steady_clock::now() + test::kGuard;
            while (std::chrono::steady_clock::now() < limit) {
                try {
                    auto connection = sdbus::createSessionBusConnectionWithAddress(options_.address);
                    const auto bus =
                        sdbus::createProxy(*connection, "org.freedesktop.DBus", "/org/freedesktop/DBus");
                    bool owned = false;
                    bus->callMethod("NameHasOwner")
                        .onInterface("org.freedesktop.DBus")
                        .withArguments(std::string(kBusName))
                        .storeResultsTo(owned);
                    if (owned) return connection;
                } catch (const sdbus::Error&) {
                    // The bus is not there yet.
                }
                std::this_thread::yield();
            }
            return std::unique_ptr<sdbus::IConnection>();
        });
    }
    /// The answer of Explain, or the error's name and text.
    std::string explain(sdbus::IConnection& connection, const std::string& service) {
        return call(connection, "Explain", service, true);
    }
    std::string call(sdbus::IConnection& connection, const std::string& method, const std::string& service,
                     bool answers) {
        return beside([&]() -> std::string {
            try {
                std::string json;
                const auto proxy = sdbus::createProxy(connection, kBusName, kPath);
                if (answers) {
                    proxy->callMethod(method)
                        .onInterface(kInterface)
                        .withArguments(service)
                        .storeResultsTo(json);
                } else {
                    proxy->callMethod(method).onInterface(kInterface).withArguments(service);
                }
                return json;
            } catch (const sdbus::Error& error) {
                return error.getName() + ": " + error.getMessage();
            }
        });
    }
    void happen(const std::string& service) {
        publish::Record record;
        record.type = "oom_near";
        record.subject = publish::Subject{.service = service};
        publisher_.publish(record);
    }

    boost::asio::io_context io_;
    FakeApi api_;
    publish::Publisher publisher_{[] { return std::chrono::system_clock::time_point{}; }, nullptr, {}};
    PrivateBus bus_;
    BusName::Options options_;
    std::optional<BusName> name_;
};

TEST_F(BusNameTest, SaysWhatItOffers) {
    bus_.start();
    begin();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    const std::string xml = beside([&] {
        std::string out;
        sdbus::createProxy(*connection, kBusName, kPath)
            ->callMethod("Introspect")
            .onInterface("org.freedesktop.DBus.Introspectable")
            .storeResultsTo(out);
        return out;
    });
    for (const char* part :
         {R"(<method name="Explain">)", R"(<method name="Release">)", R"(<signal name="Event">)",
          R"(<property name="Services" type="a{sa{sv}}" access="read">)",
          R"(<property name="Version" type="s" access="read">)", R"(<arg type="t" name="id"/>)"})
        EXPECT_THAT(xml, HasSubstr(part));
}

TEST_F(BusNameTest, ShowsTheServices) {
    bus_.start();
    begin();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    const auto proxy = sdbus::createProxy(*connection, kBusName, kPath);
    const auto services =
        beside([&] { return proxy->getProperty("Services").onInterface(kInterface).get<Services>(); });
    ASSERT_EQ(services.size(), 1U);
    const auto& coach = services.at("jobmate-coach-1");
    EXPECT_EQ(coach.at("service").get<std::string>(), "coach");
    EXPECT_EQ(coach.at("unreclaimable").get<std::uint64_t>(), 1ULL << 30U);
    EXPECT_EQ(coach.at("growth_per_s").get<std::int64_t>(), -5);
    EXPECT_FALSE(coach.at("quarantined").get<bool>());
    EXPECT_FALSE(coach.contains("hard")) << "it has no limit";
    const std::string version =
        beside([&] { return proxy->getProperty("Version").onInterface(kInterface).get<std::string>(); });
    EXPECT_EQ(version, GOVERNOR_VERSION);
}

TEST_F(BusNameTest, AnswersAndSaysWhyNot) {
    bus_.start();
    begin();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    EXPECT_EQ(explain(*connection, "coach"), R"({"phase_text":"It is watched."})");
    EXPECT_EQ(explain(*connection, "nobody"),
              "org.jobmate.Governor1.Error.NotFound: no service is called that");
    EXPECT_THAT(explain(*connection, "throws"), HasSubstr("org.jobmate.Governor1.Error.Failed: "));
    EXPECT_EQ(call(*connection, "Release", "coach", false), "");
    EXPECT_EQ(api_.commands, std::vector<std::string>{"release coach"});
    EXPECT_EQ(call(*connection, "Release", "well", false),
              "org.jobmate.Governor1.Error.NotPossible: it is not in quarantine");
}

TEST_F(BusNameTest, ALoopThatIsBusyIsNotWaitedForForEver) {
    options_.patience = 1ms;
    bus_.start();
    begin();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    // Nobody runs the loop meanwhile.
    std::string error;
    try {
        std::string json;
        sdbus::createProxy(*connection, kBusName, kPath)
            ->callMethod("Explain")
            .onInterface(kInterface)
            .withArguments(std::string("coach"))
            .storeResultsTo(json);
    } catch (const sdbus::Error& thrown) {
        error = thrown.getName();
    }
    EXPECT_EQ(error, "org.jobmate.Governor1.Error.Late");
}

TEST_F(BusNameTest, EveryEventIsASignal) {
    bus_.start();
    begin();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    std::mutex mutex;
    std::vector<std::string> heard;
    const auto proxy = sdbus::createProxy(*connection, kBusName, kPath);
    proxy->uponSignal("Event")
        .onInterface(kInterface)
        .call([&](std::uint64_t id, const std::string& type, const std::string& service,
                  const std::string& json) {
            const std::lock_guard lock(mutex);
            heard.push_back(std::to_string(id) + " " + type + " " + service);
            EXPECT_EQ(nlohmann::json::parse(json)["id"], id);
            boost::asio::post(io_, [] {});
        });
    proxy->finishRegistration();
    // The bus was asked for the signals, without waiting: once it has answered a later call, it has them
    // noted.
    explain(*connection, "coach");
    connection->enterEventLoopAsync();
    happen("coach");
    happen("");
    EXPECT_TRUE(test::run_until(io_, [&] {
        const std::lock_guard lock(mutex);
        return heard.size() == 2;
    }));
    EXPECT_EQ(heard, (std::vector<std::string>{"1 oom_near coach", "2 oom_near "}));
    connection->leaveEventLoop();
}

TEST_F(BusNameTest, ComesBackWithTheBus) {
    begin();
    happen("coach");  // there is no bus: nothing is kept, nothing waits
    EXPECT_EQ(name_->waiting(), 0U);
    bus_.start();
    ASSERT_NE(client(), nullptr);
    bus_.stop();
    bus_.start();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    EXPECT_EQ(explain(*connection, "coach"), R"({"phase_text":"It is watched."})");
    EXPECT_EQ(name_->dropped(), 0U);
}

TEST_F(BusNameTest, ABusThatStandsStillDelaysNothingAndTakesNoMemory) {
    options_.queue = 4;
    bus_.start();
    begin();
    ASSERT_NE(client(), nullptr);
    bus_.freeze();
    // Until the socket is full: from then on the events wait in the box, and then they are dropped.
    const std::string long_name(4096, 'x');
    EXPECT_TRUE(test::run_until(io_, [&] {
        happen(long_name);
        boost::asio::post(io_, [] {});
        return name_->dropped() > 0;
    }));
    EXPECT_LE(name_->waiting(), 4U);
    bus_.thaw();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    EXPECT_EQ(explain(*connection, "coach"), R"({"phase_text":"It is watched."})");
}

/// A bus that allows nothing by itself, as the system's, with the policy that is shipped.
class ShippedPolicyTest : public BusNameTest {
  protected:
    ShippedPolicyTest()
        : BusNameTest(
              R"(<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>)"
              R"(<allow send_type="signal"/><allow send_type="method_return"/><allow send_type="error"/>)"
              R"(<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>)"
              R"(<allow receive_type="signal"/><allow send_destination="org.freedesktop.DBus"/></policy><include>)" GOVERNOR_SOURCE_DIR
              "/deploy/dbus/org.jobmate.Governor1.conf</include>") {}

    /// What dbus-send says as another user.
    std::string as_nobody(const std::string& words) {
        return beside([&] {
            const std::string command =
                "setpriv --reuid=65534 --regid=65534 --clear-groups dbus-send --bus=" + options_.address +
                " --print-reply --dest=" + kBusName + " " + kPath + " " + words + " 2>&1";
            std::string out;
            FILE* pipe = ::popen(command.c_str(), "r");
            std::array<char, 256> part{};
            while (pipe != nullptr && std::fgets(part.data(), part.size(), pipe) != nullptr)
                out += part.data();
            if (pipe != nullptr) ::pclose(pipe);
            return out;
        });
    }
};

TEST_F(ShippedPolicyTest, EverybodyMayReadAndOnlyRootMayRelease) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: the policy gives the name to root";
    bus_.start();
    begin();
    const auto connection = client();
    ASSERT_NE(connection, nullptr);
    EXPECT_EQ(call(*connection, "Release", "coach", false), "");
    EXPECT_EQ(api_.commands.size(), 1U);
    EXPECT_THAT(as_nobody("org.jobmate.Governor1.Explain string:coach"), HasSubstr("It is watched."));
    EXPECT_THAT(as_nobody("org.freedesktop.DBus.Properties.Get string:org.jobmate.Governor1 string:Services"),
                HasSubstr("jobmate-coach-1"));
    EXPECT_THAT(as_nobody("org.jobmate.Governor1.Release string:coach"), HasSubstr("AccessDenied"));
    EXPECT_EQ(api_.commands.size(), 1U) << "it did not reach the governor";
}

}  // namespace
}  // namespace governor::dbus
