// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/async/readiness.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace governor::async {
namespace {

int or_throw(int fd) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    return fd;
}

}  // namespace

Readiness::Readiness(const boost::asio::any_io_executor& loop, std::function<void(void*)> ready)
    : epoll_(or_throw(::epoll_create1(EPOLL_CLOEXEC))),
      descriptor_(loop, or_throw(::fcntl(epoll_.get(), F_DUPFD_CLOEXEC, 0))),
      ready_(std::move(ready)) {
    listen();
}

cgroups::Result<Readiness::Registration> Readiness::add(int fd, For what, void* who) {
    Registration out;
    out.from_ = this;
    out.who_ = who;
    out.what_ = what;
    out.fd_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    epoll_event event{.events = static_cast<std::uint32_t>(what) | EPOLLONESHOT, .data = {.ptr = who}};
    if (!out.fd_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, out.fd_.get(), &event) != 0)
        return cgroups::errno_error("wait for", "a file");
    return out;
}

void Readiness::listen() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this, alive = std::weak_ptr(alive_)](boost::system::error_code code) {
                               if (code || alive.expired()) return;
                               on_ready();
                               listen();
                           });
}

/// One round: what is ready beyond it makes the epoll instance ready again at once, after the loop has
/// turned.
void Readiness::on_ready() {
    const int count = ::epoll_wait(epoll_.get(), round_.data(), static_cast<int>(round_.size()), 0);
    if (count <= 0) return;
    left_ = std::span(round_).first(static_cast<std::size_t>(count));
    while (!left_.empty()) {
        void* const who = left_.front().data.ptr;
        left_ = left_.subspan(1);
        if (who != nullptr) ready_(who);
    }
}

/// What `who` points to may be gone by the time its turn comes.
void Readiness::forget(const void* who) {
    for (epoll_event& event : left_)
        if (event.data.ptr == who) event.data.ptr = nullptr;
}

Readiness::Registration& Readiness::Registration::operator=(Registration&& other) noexcept {
    if (this == &other) return *this;
    reset();
    from_ = other.from_;
    fd_ = std::move(other.fd_);
    who_ = other.who_;
    what_ = other.what_;
    return *this;
}

void Readiness::Registration::reset() {
    if (!fd_) return;
    ::epoll_ctl(from_->epoll_.get(), EPOLL_CTL_DEL, fd_.get(), nullptr);
    fd_.reset();
    from_->forget(who_);
}

void Readiness::Registration::wait_again() const {
    if (!fd_) return;
    epoll_event event{.events = static_cast<std::uint32_t>(what_) | EPOLLONESHOT, .data = {.ptr = who_}};
    ::epoll_ctl(from_->epoll_.get(), EPOLL_CTL_MOD, fd_.get(), &event);
}

}  // namespace governor::async
