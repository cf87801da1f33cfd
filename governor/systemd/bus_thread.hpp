// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "governor/systemd/bus_units.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace governor::systemd {

/// The thread that owns the connection. Shared with the BusUnits: when that goes, the thread is told to end,
/// and lives on alone where a bus hangs. From then on nothing reaches the loop.
class BusUnits::Thread : public std::enable_shared_from_this<BusUnits::Thread> {
  public:
    struct Request {
        std::uint64_t call = 0;
        std::string unit;
        std::vector<Property> properties;
    };
    /// What the loop's side does with the news; called there.
    struct News {
        std::function<void(std::uint64_t call, const Outcome&)> finished;
        std::function<void(const std::string& unit)> unit_changed;
        std::function<void()> reloaded;
        std::function<void(bool usable, const std::string& why)> availability;
    };

    Thread(boost::asio::any_io_executor loop, BusOptions options, News news);
    void start();
    /// False when too many wait already. Any thread.
    bool push(Request request);
    /// Any thread. Waits for the thread's end, but not long: a bus may hang.
    void stop();

  private:
    void run();
    void serve();
    void subscribe();
    void send(const Request& request);
    void on_unit_signal(const std::string& path);
    bool wait_a_moment(std::chrono::milliseconds time);
    std::deque<Request> take();
    bool stopping();
    void refuse_waiting(const std::string& why);
    void say_availability(bool usable, const std::string& why);
    void tell(std::function<void(const News&)> what);

    BusOptions options_;
    std::string address_;
    cgroups::UniqueFd wake_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<sdbus::IProxy> manager_;
    std::optional<bool> usable_;
    std::set<std::uint64_t> in_flight_;  ///< not answered by the bus yet

    std::promise<void> ended_;

    std::mutex mutex_;
    bool stop_ = false;                                 ///< under the mutex, as all below
    std::optional<boost::asio::any_io_executor> loop_;  ///< nothing once the owner is gone
    std::shared_ptr<const News> news_;
    std::deque<Request> queue_;
    std::set<std::string> known_;    ///< units that were set: only their changes are told
    std::set<std::string> changed_;  ///< told, and the loop has not heard yet
};

}  // namespace governor::systemd
