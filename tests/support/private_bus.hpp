// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/systemd/units.hpp"
#include "tests/support/tree.hpp"

#include <sys/types.h>

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
    std::string socket_path() const { return folder_.path("bus"); }
    std::string address() const { return "unix:path=" + socket_path(); }

  private:
    TempTree folder_;
    pid_t pid_ = 0;
};

/// A socket that accepts and says nothing.
class MuteSocket {
  public:
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
    explicit FakeSystemd(const std::string& address);
    FakeSystemd(const FakeSystemd&) = delete;
    FakeSystemd& operator=(const FakeSystemd&) = delete;
    ~FakeSystemd();

    std::vector<Call> calls() const;
    void reload(bool begins);
    /// PropertiesChanged of that object.
    void change(const std::string& path);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace governor::test
