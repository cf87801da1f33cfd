// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <tl/expected.hpp>

#include <string>
#include <string_view>

namespace governor::metrics {

/// `127.0.0.1:9477`, `[::1]:9477`. No names: looking one up may block, and may give another answer tomorrow.
/// The error is a sentence for a person. Pure.
tl::expected<boost::asio::ip::tcp::endpoint, std::string> parse_listen_address(std::string_view text);

}  // namespace governor::metrics
