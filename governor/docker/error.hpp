// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/error_code.hpp>
#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace governor::docker {

/// Why a call to the engine gave no answer that can be used.
struct Error {
    enum class Kind : std::uint8_t {
        kUnreachable,  ///< no socket, no permission, nobody listens, or the connection broke
        kTimeout,      ///< the deadline passed; when the request was sent, Docker may still act on it
        kHttp,         ///< an HTTP status that none of the other kinds stands for
        kProtocol,     ///< an answer that is not what the API promises, or is too large
        kNotFound,     ///< HTTP 404: the container is gone, which is a normal outcome
        kConflict,     ///< HTTP 409: not possible in the container's present state
        kApiVersion,   ///< the engine and this client have no API version in common
        kCancelled,    ///< the calling coroutine was cancelled
    };
    Kind kind = Kind::kProtocol;
    int http_status = 0;    ///< 0 when no status line was read
    std::string operation;  ///< what was tried, on what: "restart container 4f2a…"
    std::string message;  ///< one complete sentence for a person: operation, reason, and what to do about it
};

template <class T>
using Result = tl::expected<T, Error>;

/// "unreachable", "timeout", …: stable words for metrics labels and JSON.
std::string_view to_string(Error::Kind kind);

/// The error for a failed socket or HTTP operation. `subject` is the path of the socket.
Error transport_error(boost::system::error_code code, std::string operation, std::string_view subject);

/// The error for an answer with a status of 400 or above; takes Docker's own words from the body's "message".
Error status_error(int status, std::string_view body, std::string operation);

/// The error for an answer that cannot be understood.
Error protocol_error(std::string operation, std::string_view reason);

}  // namespace governor::docker
