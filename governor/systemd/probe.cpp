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

std::string failed(const std::string& what, const std::string& path, const char* mend) {
    return "cannot " + what + " the system bus at " + path + " (" + std::strerror(errno) + "): " + mend;
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

std::string probe_bus(const std::string& address, std::chrono::milliseconds limit) {
    const std::string path = socket_of(address);
    if (path.empty()) return {};  // another transport: left to the library
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path)
        return "the bus address " + address + " is too long for a socket";
    path.copy(name.sun_path, path.size());
    const cgroups::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return failed("open a socket for", path, "too many files are open");
    // The address is the kernel's own union of kinds.
    const auto* const generic = reinterpret_cast<const sockaddr*>(&name);
    if (::connect(fd.get(), generic, sizeof name) != 0)
        return failed(
            "connect to", path,
            "mount /run/dbus/system_bus_socket into the container; without it values are kept in the "
            "kernel's files only");
    // An empty AUTH asks for the mechanisms: any bus answers REJECTED with a list, and waits on.
    constexpr std::string_view kHello("\0AUTH\r\n", 7);
    if (::send(fd.get(), kHello.data(), kHello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kHello.size()))
        return failed("speak to", path, "is it a bus?");
    std::array<char, 64> answer{};
    if (!wait_for(fd.get(), POLLIN, limit)) {
        errno = ETIMEDOUT;
        return failed("hear anything from", path, "is dbus-daemon alive?");
    }
    if (::recv(fd.get(), answer.data(), answer.size(), 0) <= 0)
        return failed("hear anything from", path,
                      "it closed the connection: a profile (AppArmor) may refuse it");
    return {};
}

}  // namespace governor::systemd
