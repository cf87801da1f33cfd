// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/dbus/loop_asker.hpp"
#include "governor/publish/publisher.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace governor::dbus {

inline constexpr const char* kBusName = "org.jobmate.Governor1";
inline constexpr const char* kPath = "/org/jobmate/Governor1";
inline constexpr const char* kInterface = "org.jobmate.Governor1";

/// a{sa{sv}}: by container name. A key whose value is not known is not there.
using Services = std::map<std::string, std::map<std::string, sdbus::Variant>>;
/// From the body of ControlApi::status(). Pure.
Services to_services(const nlohmann::json& status);

/// The object on the bus. On the thread that serves the connection, which must outlive it.
class Face {
  public:
    /// Throws sdbus::Error. `asker` must outlive it; a question waits `patience` for the loop.
    Face(sdbus::IConnection& connection, LoopAsker& asker, std::chrono::milliseconds patience);

    /// The signal Event. Throws sdbus::Error when the connection has broken.
    void emit(const publish::Published& event);

  private:
    void add_methods();
    void add_properties();
    nlohmann::json ask(LoopAsker::Question question);

    LoopAsker& asker_;
    std::chrono::milliseconds patience_;
    std::unique_ptr<sdbus::IObject> object_;
};

}  // namespace governor::dbus
