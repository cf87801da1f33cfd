// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/event.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace policies {

/// How long a container may take to end after its stop signal: a bounded time, or without end. A type of its
/// own, because "for ever" is no number of nanoseconds, and because Docker's seconds are any int64.
class Grace {
  public:
    /// A longer one has no end that anyone waits for, and counts as infinite. Short enough that
    /// `now + bounded()` never overflows.
    static constexpr Duration kLongest = std::chrono::hours(24 * 36500);

    constexpr Grace() = default;  ///< no time at all
    /// Negative ones are no time at all.
    template <class Rep, class Period>
    // NOLINTNEXTLINE(google-explicit-constructor): a duration where a grace is wanted means just this
    constexpr Grace(std::chrono::duration<Rep, Period> time) : time_(clamped(time)) {}

    static constexpr Grace infinite() { return Grace(Infinite{}); }
    /// Docker's StopTimeout (`stop_grace_period`): negative means that Docker waits for ever.
    static constexpr Grace of_docker(std::chrono::seconds seconds) {
        return seconds.count() < 0 ? infinite() : Grace(seconds);
    }

    constexpr bool is_infinite() const { return time_ == Duration::max(); }
    /// Duration::max() when it is infinite: compare with it, do not add to it.
    constexpr Duration bounded() const { return time_; }
    /// When it has passed; TimePoint::max() when it is infinite.
    constexpr TimePoint after(TimePoint begin) const {
        if (is_infinite() || begin > TimePoint::max() - time_) return TimePoint::max();
        return begin + time_;
    }
    /// What is written as Docker's `t`: whole seconds, rounded up; -1 when it is infinite.
    constexpr std::chrono::seconds for_docker() const {
        return is_infinite() ? std::chrono::seconds(-1) : std::chrono::ceil<std::chrono::seconds>(time_);
    }

    constexpr auto operator<=>(const Grace&) const = default;

  private:
    struct Infinite {};
    constexpr explicit Grace(Infinite) : time_(Duration::max()) {}
    template <class Rep, class Period>
    static constexpr Duration clamped(std::chrono::duration<Rep, Period> time) {
        if (time.count() < 0) return Duration{0};
        // Compared as floating point: in the common type of two units it would overflow.
        using Seconds = std::chrono::duration<double>;
        if (Seconds(time) > Seconds(kLongest)) return Duration::max();
        return std::chrono::duration_cast<Duration>(time);
    }

    Duration time_{0};
};

/// Docker multiplies a StopTimeout with 10^9 in an int64 (moby: daemon/stop.go, `time.Duration(t) *
/// time.Second`). One that does not fit wraps to a time in the past, and Docker kills the container at once
/// instead of waiting for it: for such a container `t` has to be stated.
constexpr bool overflows_in_docker(std::chrono::seconds stop_timeout) {
    return stop_timeout > std::chrono::floor<std::chrono::seconds>(Duration::max());
}

/// "20s", "no limit".
std::string to_string(const Grace& grace);

}  // namespace policies
