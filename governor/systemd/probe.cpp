// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/systemd/probe.hpp"

#include "cgroup/fd.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace governor::systemd {
namespace {

using Kind = Outcome::Kind;

constexpr const char* kProfile =
    "an AppArmor or SELinux profile forbids it: security_opt: [\"apparmor=unconfined\"] or a profile of its "
    "own, "
    "see docs/deployment.md";

Outcome failed(Kind kind, const std::string& what, const std::string& path, const char* mend) {
    return {kind,
            "cannot " + what + " the system bus at " + path + " (" + std::strerror(errno) + "): " + mend};
}

/// By errno of connect(2).
Outcome not_connected(const std::string& path) {
    constexpr const char* kWhat = "connect to";
    switch (errno) {
        case EACCES:
        case EPERM:
            return failed(Kind::kRefused, kWhat, path, kProfile);
        case EAGAIN:  // its queue of connections is full, and nobody takes them out
            return failed(Kind::kLate, kWhat, path, "dbus-daemon hangs; see journalctl -u dbus on the host");
        case ECONNREFUSED:
            return failed(
                Kind::kAbsent, kWhat, path,
                "nobody listens there any more: start dbus on the host; where the socket itself is mounted "
                "instead of /run/dbus, start the container again");
        default:
            return failed(Kind::kAbsent, kWhat, path, "mount /run/dbus of the host into the container");
    }
}

bool wait_for(int fd, short events, std::chrono::milliseconds limit) {
    pollfd item{fd, events, 0};
    int done = 0;
    do {
        done = ::poll(&item, 1, static_cast<int>(limit.count()));
    } while (done < 0 && errno == EINTR);
    return done > 0;
}

}  // namespace

std::string socket_of(const std::string& address) {
    constexpr std::string_view kPrefix = "unix:path=";
    if (!std::string_view(address).starts_with(kPrefix)) return {};
    return address.substr(kPrefix.size(), address.find_first_of(",;") - kPrefix.size());
}

std::string system_bus_address() {
    const char* set = std::getenv("DBUS_SYSTEM_BUS_ADDRESS");
    return set != nullptr && *set != '\0' ? set : "unix:path=/run/dbus/system_bus_socket";
}

Outcome probe_bus(const std::string& address, std::chrono::milliseconds limit) {
    const std::string path = socket_of(address);
    if (path.empty()) return {};  // another transport: left to the library
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path)
        return {Kind::kFailed,
                "the path in the bus address " + address + " is too long for a socket: shorten it"};
    path.copy(name.sun_path, path.size());
    const cgroups::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return failed(Kind::kFailed, "open a socket for", path, "too many files are open");
    // The address is the kernel's own union of kinds.
    const auto* const generic = reinterpret_cast<const sockaddr*>(&name);
    if (::connect(fd.get(), generic, sizeof name) != 0) return not_connected(path);
    // An empty AUTH asks for the mechanisms: any bus answers REJECTED with a list, and waits on.
    constexpr std::string_view kHello("\0AUTH\r\n", 7);
    if (::send(fd.get(), kHello.data(), kHello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kHello.size())) {
        // Turned away before a word was said: the same refusal, a moment earlier.
        if (errno == EPIPE || errno == ECONNRESET)
            return failed(Kind::kRefused, "speak to", path, kProfile);
        return failed(Kind::kFailed, "speak to", path, "is it a bus?");
    }
    std::array<char, 64> answer{};
    if (!wait_for(fd.get(), POLLIN, limit)) {
        errno = ETIMEDOUT;
        return failed(Kind::kLate, "hear anything from", path,
                      "dbus-daemon hangs; see journalctl -u dbus on the host");
    }
    const ssize_t got = ::recv(fd.get(), answer.data(), answer.size(), 0);
    if (got > 0) return {};
    if (got == 0) errno = ECONNRESET;
    return failed(Kind::kRefused, "hear anything from", path, kProfile);
}

}  // namespace governor::systemd
