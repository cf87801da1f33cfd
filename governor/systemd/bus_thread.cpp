// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/bus_thread.hpp"

#include "governor/systemd/probe.hpp"

#include <poll.h>
#include <sys/eventfd.h>
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
constexpr auto kProbe = 1s;
constexpr auto kEnd = 500ms;
/// More calls than this cannot be waiting for a bus that works.
constexpr std::size_t kMostWaiting = 4096;
/// Looked at even if a wake-up were lost.
constexpr int kLongestPoll = 5000;

std::string mend_of(Outcome::Kind kind) {
    switch (kind) {
        case Outcome::Kind::kRefused:
            return "a bus policy or an AppArmor profile forbids it (security_opt: [\"apparmor=unconfined\"], "
                   "see "
                   "docs/deployment.md)";
        case Outcome::Kind::kAbsent:
            return "is /run/dbus/system_bus_socket mounted, and systemd PID 1 of the host?";
        case Outcome::Kind::kLate:
            return "systemd is busy or stuck";
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
    }
    ::eventfd_write(wake_.get(), 1);
    // So that a daemon that ends does not pull the library away from under it.
    ended_.get_future().wait_for(kEnd);
}

bool BusUnits::Thread::stopping() {
    const std::lock_guard lock(mutex_);
    return stop_;
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
        if (usable_ == false) refuse_waiting("the system bus cannot be reached");
    }
    return false;
}

void BusUnits::Thread::refuse_waiting(const std::string& why) {
    for (const Request& request : take())
        tell([call = request.call, why](const News& news) {
            news.finished(call, {Outcome::Kind::kAbsent, why + "."});
        });
}

void BusUnits::Thread::run() {
    auto pause = options_.first_reconnect;
    while (!stopping()) {
        std::string why = probe_bus(address_, kProbe);
        if (why.empty()) {
            try {
                connection_ = sdbus::createSessionBusConnectionWithAddress(address_);
                subscribe();
                pause = options_.first_reconnect;
                serve();
                why = "the connection to the system bus ended";
            } catch (const sdbus::Error& error) {
                why = "the system bus at " + address_ + " cannot be used (" + error.getName() + ": " +
                      error.getMessage() + ")";
            } catch (const std::exception& error) {
                why = "the system bus at " + address_ + " cannot be used (" + error.what() + ")";
            }
        }
        manager_.reset();
        connection_.reset();
        // Their proxies went with the connection: nobody would answer.
        for (const std::uint64_t call : std::exchange(in_flight_, {}))
            tell([call, why](const News& news) { news.finished(call, {Outcome::Kind::kAbsent, why + "."}); });
        if (stopping()) return;
        say_availability(false, why);
        refuse_waiting(why);
        if (!wait_a_moment(pause)) return;
        pause = std::min(pause * 2, options_.longest_reconnect);
    }
}

void BusUnits::Thread::subscribe() {
    manager_ = sdbus::createProxy(*connection_, kName, kPath);
    connection_->addMatch(
        kUnitChanges, [this](sdbus::Message& signal) { on_unit_signal(signal.getPath()); },
        sdbus::floating_slot);
    connection_->addMatch(
        kReloads,
        [this](sdbus::Message& signal) {
            bool begins = true;
            signal >> begins;
            if (!begins) tell([](const News& news) { news.reloaded(); });
        },
        sdbus::floating_slot);
    // systemd sends signals of its units only to those who asked.
    const auto limit = options_.deadline;
    manager_->callMethodAsync("Subscribe")
        .onInterface(kManager)
        .withTimeout(limit)
        .uponReplyInvoke([this](const sdbus::Error* error) {
            // Refused signals cost a few seconds at a drift, no more: the calls may be allowed all the same.
            const auto kind = error == nullptr ? Outcome::Kind::kDone : kind_of_error(error->getName());
            if (kind == Outcome::Kind::kAbsent || kind == Outcome::Kind::kLate)
                return say_availability(false, "systemd does not answer on the system bus: " + mend_of(kind));
            say_availability(true, {});
        });
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

/// Until the connection breaks (then the library throws) or it is time to end.
void BusUnits::Thread::serve() {
    while (!stopping()) {
        for (const Request& request : take()) send(request);
        while (connection_->processPendingRequest()) {
        }
        const auto wanted = connection_->getEventLoopPollData();
        std::array<pollfd, 2> items{{{wanted.fd, wanted.events, 0}, {wake_.get(), POLLIN, 0}}};
        const int limit = wanted.getPollTimeout();
        ::poll(items.data(), items.size(), limit < 0 ? kLongestPoll : std::min(limit, kLongestPoll));
        eventfd_t ignored = 0;
        ::eventfd_read(wake_.get(), &ignored);
    }
}

void BusUnits::Thread::send(const Request& request) {
    std::vector<sdbus::Struct<std::string, sdbus::Variant>> properties;
    for (const Property& property : request.properties)
        properties.emplace_back(property.name, sdbus::Variant(property.value));
    in_flight_.insert(request.call);
    const bool runtime = true;
    manager_->callMethodAsync("SetUnitProperties")
        .onInterface(kManager)
        .withTimeout(options_.deadline)
        .withArguments(request.unit, runtime, properties)
        .uponReplyInvoke([this, call = request.call, unit = request.unit](const sdbus::Error* error) {
            in_flight_.erase(call);
            const Outcome outcome = error == nullptr ? Outcome{} : outcome_of(unit, *error);
            tell([call, outcome](const News& news) { news.finished(call, outcome); });
            if (outcome.kind == Outcome::Kind::kDone) say_availability(true, {});
        });
}

}  // namespace governor::systemd
