// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/dbus/bus_name.hpp"

#include "governor/dbus/face.hpp"
#include "governor/dbus/outbox.hpp"

#include <poll.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace governor::dbus {
namespace {

using namespace std::chrono_literals;

/// For a call that the bus itself must answer, such as the request for the name.
constexpr std::chrono::microseconds kBusPatience = 5s;
constexpr auto kEndPatience = 1s;

}  // namespace

struct BusName::Shared {
    Shared(boost::asio::any_io_executor loop, http::ControlApi& api, Options options_in)
        : options(std::move(options_in)), outbox(options.queue), asker(std::move(loop), api) {}

    void run();
    void serve();
    void talk(sdbus::IConnection& connection, Face& face);
    void send(sdbus::IConnection& connection, Face& face);
    void tell_failure(const std::string& why);
    void end();

    Options options;
    Outbox outbox;
    LoopAsker asker;
    std::atomic<bool> stopping{false};
    std::chrono::milliseconds retry_in{0};
    bool told_failure = false;
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
};

void BusName::Shared::run() {
    retry_in = options.retry_from;
    while (!stopping) {
        try {
            serve();
        } catch (const std::exception& error) {
            tell_failure(error.what());
        }
        outbox.close();
        // Only the end wakes it: a closed box takes no events.
        outbox.clear();
        pollfd waited{outbox.fd(), POLLIN, 0};
        if (!stopping) ::poll(&waited, 1, static_cast<int>(retry_in.count()));
        retry_in = std::min(2 * retry_in, options.retry_to);
    }
    end();
}

void BusName::Shared::end() {
    const std::lock_guard lock(mutex);
    ended = true;
    changed.notify_all();
}

/// On the edge, not at every attempt.
void BusName::Shared::tell_failure(const std::string& why) {
    if (stopping || std::exchange(told_failure, true)) return;
    spdlog::info(
        "not on the system bus as {} ({}); nothing else needs it, and it is tried again. In a container "
        "mount "
        "/run/dbus/system_bus_socket, and install deploy/dbus/org.jobmate.Governor1.conf on the host; or say "
        "--dbus off",
        kBusName, why);
}

void BusName::Shared::serve() {
    const auto connection = options.address.empty()
                                ? sdbus::createSystemBusConnection()
                                : sdbus::createSessionBusConnectionWithAddress(options.address);
    connection->setMethodCallTimeout(static_cast<std::uint64_t>(kBusPatience.count()));
    Face face(*connection, asker, options.patience);
    connection->requestName(kBusName);
    retry_in = options.retry_from;
    told_failure = false;
    spdlog::info("on the system bus as {}", kBusName);
    outbox.open();
    talk(*connection, face);
}

/// Until the connection breaks, which throws, or the end.
void BusName::Shared::talk(sdbus::IConnection& connection, Face& face) {
    while (true) {
        // In this order: a wake-up for the end is not lost.
        outbox.clear();
        if (stopping) return;
        while (!stopping && connection.processPendingRequest()) continue;
        send(connection, face);
        const auto wanted = connection.getEventLoopPollData();
        std::array<pollfd, 2> waited{{{wanted.fd, wanted.events, 0}, {outbox.fd(), POLLIN, 0}}};
        ::poll(waited.data(), waited.size(), wanted.getPollTimeout());
    }
}

/// A bus that does not read is not written to: the events wait in our box, which is bounded.
void BusName::Shared::send(sdbus::IConnection& connection, Face& face) {
    const auto stuck = [&] { return (connection.getEventLoopPollData().events & POLLOUT) != 0; };
    while (!stuck()) {
        const auto event = outbox.pop();
        if (!event) return;
        face.emit(*event);
    }
}

BusName::BusName(boost::asio::any_io_executor loop, http::ControlApi& api, publish::Publisher& publisher,
                 Options options)
    : shared_(std::make_shared<Shared>(std::move(loop), api, std::move(options))) {
    events_ = publisher.subscribe({}, [this] {
        while (auto event = events_->next()) shared_->outbox.push(std::move(event));
    });
    thread_ = std::thread([shared = shared_] { shared->run(); });
}

BusName::~BusName() {
    shared_->stopping = true;
    shared_->asker.close();
    shared_->outbox.wake();
    std::unique_lock lock(shared_->mutex);
    const bool ended = shared_->changed.wait_for(lock, kEndPatience, [this] { return shared_->ended; });
    lock.unlock();
    if (ended) {
        thread_.join();
    } else {
        thread_.detach();
    }
}

std::size_t BusName::waiting() const {
    return shared_->outbox.size();
}

std::uint64_t BusName::dropped() const {
    return shared_->outbox.dropped();
}

}  // namespace governor::dbus
