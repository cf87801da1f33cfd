// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/metrics/listen_address.hpp"

#include <boost/asio/ip/address.hpp>

#include <charconv>
#include <cstdint>

namespace governor::metrics {
namespace {

namespace ip = boost::asio::ip;

tl::unexpected<std::string> refuse(std::string_view text, std::string_view why) {
    return tl::make_unexpected("\"" + std::string(text) +
                               "\" is not an address to listen on: " + std::string(why) +
                               ". Write 127.0.0.1:9477 or [::1]:9477; 0.0.0.0 and [::] "
                               "mean every network interface");
}

}  // namespace

tl::expected<ip::tcp::endpoint, std::string> parse_listen_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return refuse(text, "there is no port");
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty()) return refuse(text, "there is no IP address before the port");
    boost::system::error_code code;
    const ip::address address = ip::make_address(std::string(host), code);
    if (code) return refuse(text, "\"" + std::string(host) + "\" is not an IP address");
    if (address.is_v6() != bracketed)
        return refuse(text, bracketed ? "brackets are for IPv6" : "an IPv6 address stands in brackets");
    std::uint16_t port = 0;
    const auto [rest, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (problem != std::errc() || rest != digits.data() + digits.size() || port == 0)
        return refuse(text, "the port is not a number from 1 to 65535");
    return ip::tcp::endpoint(address, port);
}

}  // namespace governor::metrics
