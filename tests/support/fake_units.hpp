// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/systemd/units.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace governor::test {

/// A systemd that answers when the test says so.
class FakeUnits final : public systemd::Units {
  public:
    struct Call {
        std::string unit;
        std::vector<systemd::Property> properties;
        std::function<void(systemd::Outcome)> done;
    };
    void set(std::string unit, std::vector<systemd::Property> properties,
             std::function<void(systemd::Outcome)> done) override {
        calls.push_back({std::move(unit), std::move(properties), std::move(done)});
    }
    void listen(systemd::Listener told) override { listener = std::move(told); }
    bool available() const override { return usable; }

    void answer(systemd::Outcome::Kind kind = systemd::Outcome::Kind::kDone) {
        for (Call& call : std::exchange(calls, {})) {
            answered.push_back(call);
            call.done({kind, kind == systemd::Outcome::Kind::kDone ? "" : "It did not work."});
        }
    }
    /// What systemd was last told of a unit's property.
    std::optional<std::uint64_t> last(const std::string& unit, const std::string& property) const {
        std::optional<std::uint64_t> out;
        for (const auto* list : {&answered, &calls})
            for (const Call& call : *list)
                if (call.unit == unit)
                    for (const systemd::Property& one : call.properties)
                        if (one.name == property) out = one.value;
        return out;
    }

    std::vector<Call> calls;
    std::vector<Call> answered;
    systemd::Listener listener;
    bool usable = true;
};

}  // namespace governor::test
