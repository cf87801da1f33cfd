// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/bus_units.hpp"

#include "governor/systemd/bus_thread.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace governor::systemd {

BusUnits::BusUnits(boost::asio::any_io_executor loop, BusOptions options)
    : loop_(std::move(loop)), options_(std::move(options)) {
    Thread::News news;
    news.finished = [this](std::uint64_t call, const Outcome& outcome) { finish(call, outcome); };
    news.unit_changed = [this](const std::string& unit) {
        if (listener_.unit_changed) listener_.unit_changed(unit);
    };
    news.reloaded = [this] {
        if (listener_.reloaded) listener_.reloaded();
    };
    news.availability = [this](bool usable, const std::string& why) {
        available_ = usable;
        if (listener_.availability) listener_.availability(usable, why);
    };
    thread_ = std::make_shared<Thread>(loop_, options_, std::move(news));
    thread_->start();
}

BusUnits::~BusUnits() {
    thread_->stop();
}

void BusUnits::listen(Listener listener) {
    listener_ = std::move(listener);
}

void BusUnits::set(std::string unit, std::vector<Property> properties, std::function<void(Outcome)> done) {
    const std::uint64_t call = ++last_call_;
    Pending& pending = pending_[call];
    pending.done = std::move(done);
    // The library has a deadline of its own; this one holds when its thread is stuck.
    pending.deadline =
        std::make_unique<boost::asio::steady_timer>(loop_, options_.deadline + options_.deadline / 4);
    pending.deadline->async_wait([this, call, unit](boost::system::error_code code) {
        if (code) return;
        finish(call, {Outcome::Kind::kLate, "systemd did not set properties of " + unit +
                                                " within its deadline: it "
                                                "is busy or stuck."});
    });
    if (!thread_->push({call, std::move(unit), std::move(properties)}))
        boost::asio::post(loop_, [this, call, thread = std::weak_ptr(thread_)] {
            if (!thread.expired())
                finish(call, {Outcome::Kind::kLate, "too many calls to systemd wait already."});
        });
}

void BusUnits::finish(std::uint64_t call, const Outcome& outcome) {
    const auto found = pending_.find(call);
    if (found == pending_.end()) return;  // its deadline was over
    const auto done = std::move(found->second.done);
    pending_.erase(found);
    done(outcome);
}

}  // namespace governor::systemd
