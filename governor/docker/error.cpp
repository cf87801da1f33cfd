// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/error.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <nlohmann/json.hpp>

#include <utility>

namespace governor::docker {
namespace {

// An engine's error text is shown in logs and alerts: a page of HTML from a proxy must not flood them.
constexpr std::size_t kMaxReason = 512;

Error make_error(Error::Kind kind, int status, std::string operation, const std::string& reason) {
    std::string message = operation + ": " + reason;
    return Error{kind, status, std::move(operation), std::move(message)};
}

bool closed_by_peer(boost::system::error_code code) {
    namespace http = boost::beast::http;
    return code == http::error::end_of_stream || code == http::error::partial_message ||
           code == boost::asio::error::eof || code == boost::asio::error::connection_reset ||
           code == boost::asio::error::broken_pipe;
}

bool is_http_parse_error(boost::system::error_code code) {
    return code.category() == make_error_code(boost::beast::http::error::bad_version).category();
}

std::string unreachable_reason(boost::system::error_code code, std::string_view subject) {
    const std::string on(subject);
    if (code == boost::system::errc::permission_denied) {
        return "permission denied on " + on + "; run as root or in the group that owns it (usually docker)";
    }
    if (code == boost::system::errc::no_such_file_or_directory) {
        return "there is no " + on + "; start Docker, or mount its socket there (-v " + on + ":" + on + ")";
    }
    if (code == boost::system::errc::connection_refused) {
        return "nobody listens on " + on +
               "; is Docker running? After a restart of Docker a mounted socket file " +
               "is stale: mount its folder, or recreate this container";
    }
    // A non-blocking connect to a unix socket with a full backlog looks connected until the first use.
    if (code == boost::system::errc::not_connected) {
        return "the engine behind " + on + " accepts no connections (its queue is full); it may hang";
    }
    return code.message() + " on " + on + "; check that Docker runs and that the path is its socket";
}

std::string docker_words(std::string_view body) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    std::string text;
    if (json.is_object()) {
        const auto found = json.find("message");
        if (found != json.end() && found->is_string()) text = found->get<std::string>();
    }
    if (text.empty()) text = std::string(body.substr(0, kMaxReason));
    if (text.size() > kMaxReason) text.resize(kMaxReason);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text.empty() ? "no reason given" : text;
}

Error::Kind kind_of_status(int status, std::string_view words) {
    if (status == 404) return Error::Kind::kNotFound;
    if (status == 409) return Error::Kind::kConflict;
    const bool about_version = words.find("client version") != std::string_view::npos;
    if (status == 400 && about_version) return Error::Kind::kApiVersion;
    return Error::Kind::kHttp;
}

}  // namespace

std::string_view to_string(Error::Kind kind) {
    switch (kind) {
        case Error::Kind::kUnreachable:
            return "unreachable";
        case Error::Kind::kTimeout:
            return "timeout";
        case Error::Kind::kHttp:
            return "http";
        case Error::Kind::kProtocol:
            return "protocol";
        case Error::Kind::kNotFound:
            return "not_found";
        case Error::Kind::kConflict:
            return "conflict";
        case Error::Kind::kApiVersion:
            return "api_version";
        case Error::Kind::kCancelled:
            return "cancelled";
    }
    return "unknown";
}

Error transport_error(boost::system::error_code code, std::string operation, std::string_view subject) {
    if (code == boost::beast::error::timeout) {
        return make_error(Error::Kind::kTimeout, 0, std::move(operation),
                          "no complete answer from " + std::string(subject) +
                              " in time; Docker may be overloaded or hang, and may still act on the request");
    }
    if (code == boost::asio::error::operation_aborted) {
        return make_error(Error::Kind::kCancelled, 0, std::move(operation), "cancelled by the caller");
    }
    if (closed_by_peer(code)) {
        return make_error(Error::Kind::kUnreachable, 0, std::move(operation),
                          "the engine behind " + std::string(subject) +
                              " closed the connection before its answer was complete; is Docker restarting?");
    }
    if (is_http_parse_error(code)) {
        return protocol_error(std::move(operation), "what answers on " + std::string(subject) +
                                                        " does not speak HTTP as Docker does (" +
                                                        code.message() +
                                                        "); check that the path is Docker's API socket");
    }
    return make_error(Error::Kind::kUnreachable, 0, std::move(operation), unreachable_reason(code, subject));
}

Error status_error(int status, std::string_view body, std::string operation) {
    const std::string words = docker_words(body);
    return make_error(kind_of_status(status, words), status, std::move(operation),
                      "Docker answered " + std::to_string(status) + ": " + words);
}

Error protocol_error(std::string operation, std::string_view reason) {
    return make_error(Error::Kind::kProtocol, 0, std::move(operation), std::string(reason));
}

}  // namespace governor::docker
