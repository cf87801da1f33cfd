// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace governor::systemd {

/// A resource property of a unit in systemd's spelling (MemoryMin, MemoryLow, MemoryHigh, MemoryMax,
/// MemorySwapMax): bytes, UINT64_MAX for "infinity".
struct Property {
    std::string name;
    std::uint64_t value = 0;
    bool operator==(const Property&) const = default;
};

/// What came of a call. `kind` says whether the file path has to take over.
struct Outcome {
    enum class Kind : std::uint8_t {
        kDone,
        kAbsent,   ///< no bus, or nobody on it answers to systemd's name
        kRefused,  ///< access denied (a bus policy, AppArmor, polkit)
        kLate,     ///< no answer within the deadline
        kNoUnit,   ///< the unit is not there (its container has just gone, or it is not systemd's)
        kFailed,   ///< any other answer
    };
    Kind kind = Kind::kDone;
    std::string message;  ///< what was tried, on what, why it failed, what to do; empty when done
};

/// Tells, on the loop's thread, what systemd did.
struct Listener {
    /// A property of the unit changed, or was set: its files are worth a look.
    std::function<void(const std::string& unit)> unit_changed;
    /// A daemon-reload has ended (Reloading(false)): all files are worth a look.
    std::function<void()> reloaded;
    /// The bus came or went; `usable` as available() says from now on, `why` when it is not.
    std::function<void(bool usable, const std::string& why)> availability;
};

/// systemd's unit properties. Loop's thread only; never blocks: every answer is a later callback.
class Units {
  public:
    Units() = default;
    Units(const Units&) = delete;
    Units& operator=(const Units&) = delete;
    virtual ~Units() = default;

    /// SetUnitProperties(runtime = true). `done` is called exactly once, on the loop's thread, at the latest
    /// when the deadline ends, unless the object is destroyed before.
    virtual void set(std::string unit, std::vector<Property> properties,
                     std::function<void(Outcome)> done) = 0;
    /// From now on `listener` is told of changes; once, before the first set().
    virtual void listen(Listener listener) = 0;
    virtual bool available() const = 0;
};

}  // namespace governor::systemd
