// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/dbus/outbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace governor::dbus {

Outbox::Outbox(std::size_t capacity) : capacity_(capacity), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (event_.get() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Outbox::open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
}

void Outbox::close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
    events_.clear();
}

void Outbox::push(publish::PublishedPtr event) {
    {
        const std::lock_guard lock(mutex_);
        if (!open_) return;
        if (events_.size() >= capacity_) {
            ++dropped_;
            return;
        }
        events_.push_back(std::move(event));
    }
    wake();
}

publish::PublishedPtr Outbox::pop() {
    const std::lock_guard lock(mutex_);
    if (events_.empty()) return nullptr;
    publish::PublishedPtr oldest = std::move(events_.front());
    events_.pop_front();
    return oldest;
}

void Outbox::wake() const {
    // It fails only when the counter is full, and then it is readable anyway.
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_.get(), &one, sizeof one));
}

void Outbox::clear() const {
    std::uint64_t count = 0;
    static_cast<void>(!::read(event_.get(), &count, sizeof count));
}

std::size_t Outbox::size() const {
    const std::lock_guard lock(mutex_);
    return events_.size();
}

std::uint64_t Outbox::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

}  // namespace governor::dbus
