// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "governor/publish/publisher.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

namespace governor::dbus {

/// Events on their way from the loop to the bus' thread: bounded, and never waited for. Any thread.
class Outbox {
  public:
    explicit Outbox(std::size_t capacity);

    /// Closed, as it is at first, it takes nothing: a signal that nobody can hear is not kept for later.
    void open();
    void close();
    /// Drops the event when the box is full, and counts it.
    void push(publish::PublishedPtr event);
    /// The oldest, or null.
    publish::PublishedPtr pop();

    /// Readable after push() or wake(), until clear().
    int fd() const { return event_.get(); }
    void wake() const;
    void clear() const;

    std::size_t size() const;
    std::uint64_t dropped() const;

  private:
    const std::size_t capacity_;
    cgroups::UniqueFd event_;
    mutable std::mutex mutex_;
    bool open_ = false;
    std::deque<publish::PublishedPtr> events_;
    std::uint64_t dropped_ = 0;
};

}  // namespace governor::dbus
