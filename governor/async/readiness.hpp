// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/result.hpp"

#include <sys/epoll.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace governor::async {

/// Waits for many file descriptors behind one of the loop's: an epoll instance of its own. Asio keeps more
/// than half a kilobyte for each descriptor that it waits for, which for thousands of containers with two
/// each is megabytes. Loop's thread only. Must outlive its registrations.
class Readiness {
  public:
    /// What of a descriptor is waited for. Its errors always are.
    enum class For : std::uint32_t { kInput = EPOLLIN, kException = EPOLLPRI };

    /// A descriptor that may be waited for; ends the wait with itself, also in the middle of a round of
    /// callbacks.
    class Registration {
      public:
        Registration() = default;
        Registration(Registration&& other) noexcept = default;
        Registration& operator=(Registration&& other) noexcept;
        Registration(const Registration&) = delete;
        Registration& operator=(const Registration&) = delete;
        ~Registration() { reset(); }

        explicit operator bool() const { return static_cast<bool>(fd_); }
        void reset();
        /// Waits again: each wait tells once, at once when it is ready already.
        void wait_again() const;

      private:
        friend class Readiness;
        Readiness* from_ = nullptr;
        cgroups::UniqueFd fd_;
        void* who_ = nullptr;
        For what_{};
    };

    /// `ready` is called with the `who` of each descriptor that became ready.
    Readiness(const boost::asio::any_io_executor& loop, std::function<void(void* who)> ready);
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;
    ~Readiness() = default;

    /// Waits from now on, on a duplicate of `fd`. `who` must live as long as the registration; when one of
    /// several with the same `who` ends in the middle of a round, the others are not told of in that round.
    /// Fails when no more files can be opened, or watched.
    cgroups::Result<Registration> add(int fd, For what, void* who);

  private:
    void listen();
    void on_ready();
    void forget(const void* who);

    cgroups::UniqueFd epoll_;
    boost::asio::posix::stream_descriptor descriptor_;
    std::function<void(void*)> ready_;
    std::array<epoll_event, 64> round_{};
    std::span<epoll_event> left_;  ///< of the round, still to be told
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace governor::async
