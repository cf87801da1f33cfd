// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/systemd/units.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace governor::systemd {

struct BusOptions {
    /// "unix:path=…"; empty: DBUS_SYSTEM_BUS_ADDRESS, or the system bus where it always is.
    std::string address;
    std::chrono::milliseconds deadline{2000};         ///< of one call
    std::chrono::milliseconds first_reconnect{1000};  ///< doubles
    std::chrono::milliseconds longest_reconnect{60000};
};

/// systemd on the system bus. The connection lives on a thread of its own, which may block while it is made;
/// nothing of it is ever waited for on the loop's thread, a hung bus at the end of the daemon included.
/// See docs/adr/0007-a-thread-for-the-bus.md.
class BusUnits final : public Units {
  public:
    explicit BusUnits(boost::asio::any_io_executor loop, BusOptions options = {});
    ~BusUnits() override;

    void set(std::string unit, std::vector<Property> properties, std::function<void(Outcome)> done) override;
    void listen(Listener listener) override;
    bool available() const override { return available_; }

  private:
    struct Pending {
        std::function<void(Outcome)> done;
        std::unique_ptr<boost::asio::steady_timer> deadline;
    };
    class Thread;

    void finish(std::uint64_t call, const Outcome& outcome);

    boost::asio::any_io_executor loop_;
    BusOptions options_;
    Listener listener_;
    bool available_ = false;
    std::uint64_t last_call_ = 0;
    std::map<std::uint64_t, Pending> pending_;
    std::shared_ptr<Thread> thread_;
};

/// The unit's name from its object path: "docker_2d1_2escope" after the last slash is "docker-1.scope".
std::string unit_of_path(const std::string& object_path);

/// What an error of the bus means for the caller.
Outcome::Kind kind_of_error(const std::string& error_name);

}  // namespace governor::systemd
