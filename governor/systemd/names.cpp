// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/bus_units.hpp"

#include <string_view>

namespace governor::systemd {
namespace {

int hex(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

}  // namespace

/// systemd writes every byte that an object path cannot hold as "_" and two hex digits.
std::string unit_of_path(const std::string& object_path) {
    const std::string_view last = std::string_view(object_path).substr(object_path.rfind('/') + 1);
    std::string out;
    for (std::size_t i = 0; i < last.size(); ++i) {
        if (last[i] == '_' && i + 2 < last.size() && hex(last[i + 1]) >= 0 && hex(last[i + 2]) >= 0) {
            out += static_cast<char>(hex(last[i + 1]) * 16 + hex(last[i + 2]));
            i += 2;
        } else {
            out += last[i];
        }
    }
    return out;
}

Outcome::Kind kind_of_error(const std::string& error_name) {
    using Kind = Outcome::Kind;
    constexpr std::string_view kPrefix = "org.freedesktop.DBus.Error.";
    if (error_name == "org.freedesktop.systemd1.NoSuchUnit") return Kind::kNoUnit;
    if (!std::string_view(error_name).starts_with(kPrefix)) return Kind::kFailed;
    const std::string_view name = std::string_view(error_name).substr(kPrefix.size());
    if (name == "AccessDenied" || name == "InteractiveAuthorizationRequired" || name == "AuthFailed")
        return Kind::kRefused;
    if (name == "NoReply" || name == "Timeout" || name == "TimedOut") return Kind::kLate;
    if (name == "ServiceUnknown" || name == "NameHasNoOwner" || name == "Disconnected" ||
        name == "NoServer" || name == "FileNotFound" || name == "IOError")
        return Kind::kAbsent;
    return Kind::kFailed;
}

}  // namespace governor::systemd
