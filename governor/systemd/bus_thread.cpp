// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/bus_thread.hpp"

#include "governor/systemd/probe.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <thread>
#include <utility>

namespace governor::systemd {
namespace {

using namespace std::chrono_literals;

constexpr const char* kName = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnitChanges =
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',"
    "member='PropertiesChanged',path_namespace='/org/freedesktop/systemd1/unit'";
constexpr const char* kReloads =
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',"
    "member='Reloading'";
constexpr const char* kRemovals =
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',"
    "member='UnitRemoved'";
constexpr const char* kOwners =
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',"
    "arg0='org.freedesktop.systemd1'";
constexpr auto kEnd = 500ms;
/// More calls than this cannot be waiting for a bus that works.
constexpr std::size_t kMostWaiting = 4096;

std::string mend_of(Outcome::Kind kind) {
    switch (kind) {
        case Outcome::Kind::kRefused:
            return "run it as root; where an AppArmor profile or a bus policy forbids it: security_opt: "
                   "[\"apparmor=unconfined\"], see docs/deployment.md";
        case Outcome::Kind::kAbsent:
            return "mount /run/dbus of a host whose PID 1 is systemd";
        case Outcome::Kind::kLate:
            return "it is busy or stuck, see systemctl list-jobs on the host";
        case Outcome::Kind::kNoUnit:
            return "its container has just gone, or was not made by systemd";
        default:
            return "see journalctl on the host";
    }
}

Outcome outcome_of(const std::string& unit, const sdbus::Error& error) {
    Outcome out;
    out.kind = kind_of_error(error.getName());
    out.message = "cannot set properties of " + unit + " through systemd (" + error.getName() + ": " +
                  error.getMessage() + "): " + mend_of(out.kind) + ".";
    return out;
}

}  // namespace

BusUnits::Thread::Thread(boost::asio::any_io_executor loop, BusOptions options, News news)
    : options_(std::move(options)),
      address_(options_.address.empty() ? system_bus_address() : options_.address),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      pause_(options_.first_reconnect),
      loop_(std::move(loop)),
      news_(std::make_shared<const News>(std::move(news))) {}

void BusUnits::Thread::start() {
    std::thread([self = shared_from_this()] {
        self->run();
        self->ended_.set_value();
    }).detach();
}

bool BusUnits::Thread::push(Request request) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= kMostWaiting) return false;
        known_.insert(request.unit);
        queue_.push_back(std::move(request));
    }
    ::eventfd_write(wake_.get(), 1);
    return true;
}

void BusUnits::Thread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        loop_.reset();
        // A call of the library's that waits for a bus that hangs ends at once.
        if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
    }
    ::eventfd_write(wake_.get(), 1);
    // So that a daemon that ends does not pull the library away from under it.
    ended_.get_future().wait_for(kEnd);
}

bool BusUnits::Thread::stopping() {
    const std::lock_guard lock(mutex_);
    return stop_;
}

bool BusUnits::Thread::waiting() {
    const std::lock_guard lock(mutex_);
    return !queue_.empty();
}

std::deque<BusUnits::Thread::Request> BusUnits::Thread::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(queue_, {});
}

/// On the loop, unless the owner is gone. The lock is held while posting: the loop cannot be torn down
/// meanwhile.
void BusUnits::Thread::tell(std::function<void(const News&)> what) {
    const std::lock_guard lock(mutex_);
    if (!loop_) return;
    boost::asio::post(*loop_, [weak = weak_from_this(), what = std::move(what)] {
        const auto self = weak.lock();
        if (!self) return;
        std::shared_ptr<const News> news;
        {
            const std::lock_guard inner(self->mutex_);
            // The owner's destructor runs on this same thread: it is still there.
            if (self->loop_) news = self->news_;
        }
        if (news) what(*news);
    });
}

void BusUnits::Thread::say_availability(bool usable, const std::string& why) {
    if (usable_ == usable) return;
    usable_ = usable;
    tell([usable, why](const News& news) { news.availability(usable, why); });
}

/// False when it is time to end.
bool BusUnits::Thread::wait_a_moment(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (!stopping()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return true;
        pollfd item{wake_.get(), POLLIN, 0};
        ::poll(&item, 1, static_cast<int>(left.count()));
        eventfd_t ignored = 0;
        ::eventfd_read(wake_.get(), &ignored);
        // Nothing waits for a bus that is not there.
        if (usable_ == false) refuse_waiting();
    }
    return false;
}

void BusUnits::Thread::refuse_waiting() {
    for (const Request& request : take())
        tell([call = request.call, why = trouble_](const News& news) { news.finished(call, why); });
}

void BusUnits::Thread::run() {
    while (!stopping()) {
        trouble_ = try_to_serve();
        disconnect();
        // Their proxies went with the connection: nobody would answer.
        for (const std::uint64_t call : std::exchange(in_flight_, {}))
            tell([call, why = trouble_.message](const News& news) {
                news.finished(call, {Outcome::Kind::kAbsent, why});
            });
        if (stopping()) return;
        say_availability(false, trouble_.message);
        refuse_waiting();
        if (!wait_a_moment(pause_)) return;
        pause_ = std::min(pause_ * 2, options_.longest_reconnect);
    }
}

/// One life of a connection; returns why it ended. `trouble_` is that of the one before until this one works.
Outcome BusUnits::Thread::try_to_serve() {
    if (auto silent = probe_bus(address_, options_.deadline); silent.kind != Outcome::Kind::kDone) {
        silent.message += ".";
        return silent;
    }
    const std::string what = "the system bus at " + address_ + " cannot be used (";
    try {
        connect();
        serve();
        return trouble_;
    } catch (const sdbus::Error& error) {
        auto kind = kind_of_error(error.getName());
        if (kind != Outcome::Kind::kRefused && kind != Outcome::Kind::kLate) kind = Outcome::Kind::kAbsent;
        return {kind, what + error.getName() + ": " + error.getMessage() + "): " + mend_of(kind) + "."};
    } catch (const std::exception& error) {
        return {Outcome::Kind::kAbsent, what + error.what() + ")."};
    }
}

void BusUnits::Thread::connect() {
    connection_ = sdbus::createSessionBusConnectionWithAddress(address_);
    connection_->setMethodCallTimeout(options_.deadline);
    // Outside our own lock: the library's is held when it calls back, and ours is taken there.
    const int socket = connection_->getEventLoopPollData().fd;
    {
        const std::lock_guard lock(mutex_);
        socket_ = socket;
        if (stop_) ::shutdown(socket_, SHUT_RDWR);
    }
    give_up_ = false;
    reloading_ = false;
    manager_ = sdbus::createProxy(*connection_, kName, kPath);
    add_matches();
    subscribe();
}

void BusUnits::Thread::disconnect() {
    {
        const std::lock_guard lock(mutex_);
        // The library flushes before it closes, and would wait for a bus that does not read.
        if (socket_ >= 0) ::shutdown(std::exchange(socket_, -1), SHUT_RDWR);
    }
    manager_.reset();
    connection_.reset();
}

void BusUnits::Thread::add_matches() {
    connection_->addMatch(
        kUnitChanges, [this](sdbus::Message& signal) { on_unit_signal(signal.getPath()); },
        sdbus::floating_slot);
    connection_->addMatch(
        kReloads,
        [this](sdbus::Message& signal) {
            signal >> reloading_;
            if (!reloading_) tell([](const News& news) { news.reloaded(); });
        },
        sdbus::floating_slot);
    connection_->addMatch(
        kRemovals, [this](sdbus::Message& signal) { on_unit_removed(signal); }, sdbus::floating_slot);
    connection_->addMatch(
        kOwners, [this](sdbus::Message& signal) { on_owner_changed(signal); }, sdbus::floating_slot);
}

/// systemd sends signals of its units only to those who asked.
void BusUnits::Thread::subscribe() {
    manager_->callMethodAsync("Subscribe")
        .onInterface(kManager)
        .withTimeout(options_.deadline)
        .uponReplyInvoke([this](const sdbus::Error* error) { on_subscribed(error); });
}

void BusUnits::Thread::on_subscribed(const sdbus::Error* error) {
    // Refused signals cost a few seconds at a drift, no more: the calls may be allowed all the same.
    const auto kind = error == nullptr ? Outcome::Kind::kDone : kind_of_error(error->getName());
    if (kind != Outcome::Kind::kAbsent && kind != Outcome::Kind::kLate) {
        pause_ = options_.first_reconnect;
        trouble_ = {};
        return say_availability(true, {});
    }
    trouble_ = {kind, std::string("systemd does not answer on the system bus (") + error->getName() + ": " +
                          error->getMessage() + "): " + mend_of(kind) + "."};
    say_availability(false, trouble_.message);
    // One that is not there will be announced; one that is late has to be asked again.
    if (kind == Outcome::Kind::kLate) give_up_ = true;
}

/// systemd comes to the bus, or leaves it: at a daemon-reexec both, and who had subscribed is forgotten.
void BusUnits::Thread::on_owner_changed(sdbus::Message& signal) {
    std::string name;
    std::string before;
    std::string now;
    signal >> name >> before >> now;
    reloading_ = false;
    if (!now.empty()) return subscribe();
    trouble_ = {Outcome::Kind::kAbsent,
                "systemd has left the system bus. When it comes back it is told again."};
    say_availability(false, trouble_.message);
}

/// Names of containers' scopes never come again: they are not kept.
void BusUnits::Thread::on_unit_removed(sdbus::Message& signal) {
    if (reloading_) return;  // all units are removed, and loaded again
    std::string unit;
    signal >> unit;
    const std::lock_guard lock(mutex_);
    known_.erase(unit);
}

void BusUnits::Thread::on_unit_signal(const std::string& path) {
    const std::string unit = unit_of_path(path);
    {
        const std::lock_guard lock(mutex_);
        // Many signals for one change, one look.
        if (!known_.contains(unit) || !changed_.insert(unit).second) return;
    }
    tell([this, unit](const News& news) {
        {
            const std::lock_guard lock(mutex_);
            changed_.erase(unit);
        }
        news.unit_changed(unit);
    });
}

/// Until the connection breaks (then the library throws), is of no use, or it is time to end.
void BusUnits::Thread::serve() {
    while (!stopping()) {
        if (usable_ == true) {
            for (const Request& request : take()) send(request);
        } else if (usable_ == false) {
            refuse_waiting();
        }  // else: the first answer decides what becomes of them
        while (connection_->processPendingRequest()) {
        }
        if (give_up_) return;
        if (usable_.has_value() && waiting()) continue;
        const auto wanted = connection_->getEventLoopPollData();
        std::array<pollfd, 2> items{{{wanted.fd, wanted.events, 0}, {wake_.get(), POLLIN, 0}}};
        ::poll(items.data(), items.size(), wanted.getPollTimeout());
        eventfd_t ignored = 0;
        ::eventfd_read(wake_.get(), &ignored);
    }
}

void BusUnits::Thread::send(const Request& request) {
    if (std::chrono::steady_clock::now() >= request.expires) return;  // answered by the loop's own timer
    std::vector<sdbus::Struct<std::string, sdbus::Variant>> properties;
    for (const Property& property : request.properties)
        properties.emplace_back(property.name, sdbus::Variant(property.value));
    in_flight_.insert(request.call);
    const bool runtime = true;
    manager_->callMethodAsync("SetUnitProperties")
        .onInterface(kManager)
        .withTimeout(options_.deadline)
        .withArguments(request.unit, runtime, properties)
        .uponReplyInvoke([this, call = request.call, unit = request.unit,
                          expires = request.expires](const sdbus::Error* error) {
            in_flight_.erase(call);
            Outcome outcome = error == nullptr ? Outcome{} : outcome_of(unit, *error);
            // "No reply" before its time is over: who should have replied went away.
            if (outcome.kind == Outcome::Kind::kLate && std::chrono::steady_clock::now() < expires)
                outcome.kind = Outcome::Kind::kAbsent;
            if (outcome.kind == Outcome::Kind::kNoUnit) {
                const std::lock_guard lock(mutex_);
                known_.erase(unit);
            }
            tell([call, outcome](const News& news) { news.finished(call, outcome); });
        });
}

}  // namespace governor::systemd
