// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/systemd/units.hpp"
#include "tests/support/tree.hpp"

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace governor::test {

/// A dbus-daemon of this test's own, in a temporary folder. No root, no network.
class PrivateBus {
  public:
    PrivateBus() = default;
    PrivateBus(const PrivateBus&) = delete;
    PrivateBus& operator=(const PrivateBus&) = delete;
    ~PrivateBus() { stop(); }
    /// Returns when the bus takes connections.
    void start();
    void stop();
    /// It takes no more steps, but its connections stay.
    void hang();
    std::string socket_path() const { return folder_.path("bus"); }
    std::string address() const { return "unix:path=" + socket_path(); }

  private:
    TempTree folder_;
    pid_t pid_ = 0;
};

/// A socket that is connected to and says nothing.
class MuteSocket {
  public:
    /// Takes the next connection and closes it.
    void turn_away();
    explicit MuteSocket(const std::string& path);
    MuteSocket(const MuteSocket&) = delete;
    MuteSocket& operator=(const MuteSocket&) = delete;
    ~MuteSocket();

  private:
    int fd_ = -1;
};

/// Has systemd's name on a bus, and answers as it does. "denied.scope", "gone.scope" and "odd.scope" are
/// refused, each in its way; "slow.scope" is never answered.
class FakeSystemd {
  public:
    struct Call {
        std::string unit;
        bool runtime = false;
        std::vector<systemd::Property> properties;
    };
    /// One that is not `awake` answers no Subscribe.
    explicit FakeSystemd(const std::string& address, bool awake = true);
    FakeSystemd(const FakeSystemd&) = delete;
    FakeSystemd& operator=(const FakeSystemd&) = delete;
    ~FakeSystemd();

    std::vector<Call> calls() const;
    int subscriptions() const;
    /// Wait for so many, which come without the test's loop; false when they do not come.
    bool wait_calls(std::size_t count) const;
    bool wait_subscriptions(int count) const;
    void reload(bool begins);
    /// PropertiesChanged of that object.
    void change(const std::string& path);
    /// UnitRemoved.
    void remove(const std::string& unit);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace governor::test
