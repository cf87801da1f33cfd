// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/private_bus.hpp"

#include <sdbus-c++/sdbus-c++.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace governor::test {

void PrivateBus::start() {
    folder_.remove("bus");
    folder_.file(
        "config",
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
        "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig><type>session</type><listen>unix:path=" +
            socket_path() +
            "</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" "
            "eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n");
    std::array<int, 2> ready{};
    if (::pipe2(ready.data(), 0) != 0) throw std::runtime_error("no pipe");
    const std::string config = "--config-file=" + folder_.path("config");
    const std::string told = "--print-address=" + std::to_string(ready[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(ready[0]);
        ::execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", config.c_str(), told.c_str(),
                 nullptr);
        ::_exit(127);
    }
    ::close(ready[1]);
    // It prints its address when it listens; the end of the file means that it could not.
    std::array<char, 256> text;
    const ssize_t got = ::read(ready[0], text.data(), text.size());
    ::close(ready[0]);
    if (got <= 0) throw std::runtime_error("dbus-daemon does not start (Debian package dbus)");
}

void PrivateBus::stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

MuteSocket::MuteSocket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&name);
    if (::bind(fd_, generic, sizeof name) != 0 || ::listen(fd_, 8) != 0)
        throw std::runtime_error("cannot listen on " + path);
}

MuteSocket::~MuteSocket() {
    ::close(fd_);
}

struct FakeSystemd::Impl {
    mutable std::mutex mutex;
    std::vector<Call> calls;
    std::vector<sdbus::Result<>> never;
    std::unique_ptr<sdbus::IConnection> connection;
    std::unique_ptr<sdbus::IObject> manager;
    std::map<std::string, std::unique_ptr<sdbus::IObject>> units;
    std::thread loop;

    void set(sdbus::Result<>&& result, const std::string& unit, bool runtime,
             const std::vector<sdbus::Struct<std::string, sdbus::Variant>>& properties) {
        if (unit == "denied.scope")
            return result.returnError({"org.freedesktop.DBus.Error.AccessDenied", "Access denied"});
        if (unit == "gone.scope")
            return result.returnError({"org.freedesktop.systemd1.NoSuchUnit", "Unit gone.scope not loaded."});
        if (unit == "odd.scope")
            return result.returnError({"org.freedesktop.DBus.Error.InvalidArgs", "Odd."});
        Call call{unit, runtime, {}};
        for (const auto& property : properties)
            call.properties.push_back({property.get<0>(), property.get<1>().get<std::uint64_t>()});
        const std::lock_guard lock(mutex);
        calls.push_back(std::move(call));
        if (unit == "slow.scope") {
            never.push_back(std::move(result));
        } else {
            result.returnResults();
        }
    }
};

FakeSystemd::FakeSystemd(const std::string& address) : impl_(std::make_unique<Impl>()) {
    Impl& impl = *impl_;
    impl.connection = sdbus::createSessionBusConnectionWithAddress(address);
    impl.manager = sdbus::createObject(*impl.connection, "/org/freedesktop/systemd1");
    const std::string manager = "org.freedesktop.systemd1.Manager";
    impl.manager->registerMethod("Subscribe").onInterface(manager).implementedAs([] {});
    impl.manager->registerMethod("SetUnitProperties")
        .onInterface(manager)
        .implementedAs([&impl](sdbus::Result<>&& result, std::string unit, bool runtime,
                               std::vector<sdbus::Struct<std::string, sdbus::Variant>> properties) {
            impl.set(std::move(result), unit, runtime, properties);
        });
    impl.manager->registerSignal("Reloading").onInterface(manager).withParameters<bool>();
    impl.manager->finishRegistration();
    impl.connection->requestName("org.freedesktop.systemd1");
    // The library's own thread would end the process when the bus is taken away from under it.
    impl.loop = std::thread([&impl] {
        try {
            impl.connection->enterEventLoop();
        } catch (const sdbus::Error&) {
        }
    });
}

FakeSystemd::~FakeSystemd() {
    impl_->connection->leaveEventLoop();
    impl_->loop.join();
}

std::vector<FakeSystemd::Call> FakeSystemd::calls() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->calls;
}

void FakeSystemd::reload(bool begins) {
    impl_->manager->emitSignal("Reloading")
        .onInterface("org.freedesktop.systemd1.Manager")
        .withArguments(begins);
}

void FakeSystemd::change(const std::string& path) {
    auto& unit = impl_->units[path];
    if (!unit) {
        unit = sdbus::createObject(*impl_->connection, path);
        unit->registerSignal("Nudge").onInterface("org.freedesktop.systemd1.Unit");
        unit->finishRegistration();
    }
    auto signal = unit->createSignal("org.freedesktop.DBus.Properties", "PropertiesChanged");
    signal << std::string("org.freedesktop.systemd1.Scope") << std::map<std::string, sdbus::Variant>{}
           << std::vector<std::string>{"MemoryMin"};
    unit->emitSignal(signal);
}

}  // namespace governor::test
