// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/carrier.hpp"

#include <boost/asio/post.hpp>

#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace governor::hooks {

struct ThreadCarrier::Shared {
    explicit Shared(std::unique_ptr<Transport> transport_in) : transport(std::move(transport_in)) {}

    std::unique_ptr<Transport> transport;
    std::atomic<bool> stop{false};
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Parcel> waiting;
    /// Posts an outcome to the loop. Empty once the carrier is gone: the loop may be, too.
    std::function<void(Outcome)> report;

    void run() {
        // Signals are the loop's.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        while (true) {
            Parcel parcel;
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [this] { return stop || waiting; });
                if (stop) return;
                parcel = std::move(*waiting);
                waiting.reset();
            }
            Outcome outcome = attempt(parcel);
            const std::lock_guard lock(mutex);
            if (report) report(std::move(outcome));
        }
    }

    Outcome attempt(const Parcel& parcel) {
        // A mistake in a transport must not take the guard down with it.
        try {
            return transport->deliver(parcel, stop);
        } catch (const std::exception& error) {
            return {Outcome::Kind::kFailed, std::string("the attempt broke off: ") + error.what(), {}};
        }
    }
};

ThreadCarrier::ThreadCarrier(boost::asio::any_io_executor loop, std::unique_ptr<Transport> transport)
    : loop_(std::move(loop)), shared_(std::make_shared<Shared>(std::move(transport))) {
    std::thread([shared = shared_] { shared->run(); }).detach();
}

ThreadCarrier::~ThreadCarrier() {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    shared_->report = nullptr;
    shared_->changed.notify_all();
}

std::weak_ptr<const void> ThreadCarrier::thread() const {
    return shared_;
}

void ThreadCarrier::carry(Parcel parcel, Done done) {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiting = std::move(parcel);
    // What is on its way to the loop when the carrier goes is dropped there.
    shared_->report = [loop = loop_, weak = std::weak_ptr(shared_), done = std::move(done)](Outcome outcome) {
        boost::asio::post(loop, [weak, done, outcome = std::move(outcome)]() mutable {
            if (const auto alive = weak.lock(); alive && !alive->stop) done(std::move(outcome));
        });
    };
    shared_->changed.notify_all();
}

}  // namespace governor::hooks
