// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace governor::systemd {

/// The path of the socket in "unix:path=/run/dbus/system_bus_socket"; empty for any other transport.
std::string socket_of(const std::string& address);
/// The address of the system bus: DBUS_SYSTEM_BUS_ADDRESS, or where it always is.
std::string system_bus_address();

/// Whether a bus speaks at this address, found out without ever waiting longer than `limit`: libraries wait
/// up to 90 s for one that accepts and says nothing. Empty when it does; else why not, with the mend.
std::string probe_bus(const std::string& address, std::chrono::milliseconds limit);

}  // namespace governor::systemd
