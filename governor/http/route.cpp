// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/route.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace governor::http {
namespace {

struct Known {
    std::string_view path;
    std::string_view method;
    Endpoint endpoint;
    bool takes_service;  ///< `path` ends with a slash, the service follows
};

constexpr std::array<Known, 8> kKnown{{
    {"/v1/status", "GET", Endpoint::kStatus, false},
    {"/v1/version", "GET", Endpoint::kVersion, false},
    {"/v1/events", "GET", Endpoint::kEvents, false},
    {"/v1/undelivered", "GET", Endpoint::kUndelivered, false},
    {"/v1/reload", "POST", Endpoint::kReload, false},
    {"/v1/explain/", "GET", Endpoint::kExplain, true},
    {"/v1/release/", "POST", Endpoint::kRelease, true},
    {"/metrics", "GET", Endpoint::kMetrics, false},
}};

tl::unexpected<RouteError> bad_request(std::string message) {
    return tl::make_unexpected(RouteError{400, std::move(message), {}});
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void add_types(std::vector<std::string>& types, std::string_view list) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (const auto one = list.substr(0, comma); !one.empty()) types.emplace_back(one);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
}

/// An error's message, or nothing.
std::optional<std::string> take_parameter(Route& route, const std::string& key, const std::string& value) {
    if (key == "service") {
        route.query.service = value;
    } else if (key == "type") {
        add_types(route.query.types, value);
    } else if (key == "after") {
        const char* end = value.data() + value.size();
        const auto [rest, code] = std::from_chars(value.data(), end, route.query.after);
        if (code != std::errc() || rest != end)
            return "after=" + value + " is not an event's id: give a whole number";
        route.query.newest = false;
    } else if (key == "since" || key == "until") {
        // Relative times are the client's: only it knows when they were said.
        const auto moment = publish::parse_moment(value, std::nullopt);
        if (!moment) return key + "=" + value + " " + moment.error();
        (key == "since" ? route.query.since : route.query.until) = *moment;
        if (key == "since") route.query.newest = false;
    } else if (key == "follow") {
        if (value != "0" && value != "1") return "follow=" + value + " is neither 0 nor 1";
        route.follow = value == "1";
    } else {
        return "there is no parameter \"" + key +
               "\"; known are service, type, after, since, until "
               "and follow";
    }
    return std::nullopt;
}

std::optional<std::string> take_query(Route& route, std::string_view query) {
    while (!query.empty()) {
        const auto ampersand = query.find('&');
        const auto pair = query.substr(0, ampersand);
        query.remove_prefix(ampersand == std::string_view::npos ? query.size() : ampersand + 1);
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const auto key = percent_decode(pair.substr(0, equals));
        const auto value =
            percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
        if (!key || !value) return "the query has a broken %-escape";
        if (auto problem = take_parameter(route, *key, *value)) return problem;
    }
    return std::nullopt;
}

const Known* find_known(std::string_view path) {
    for (const auto& known : kKnown) {
        if (known.takes_service ? path.starts_with(known.path) : path == known.path) return &known;
    }
    return nullptr;
}

}  // namespace

tl::expected<Route, RouteError> find_route(std::string_view method, std::string_view target) {
    const auto question = target.find('?');
    const auto path = target.substr(0, question);
    const auto query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
    const Known* known = find_known(path);
    if (known == nullptr) {
        return tl::make_unexpected(
            RouteError{404,
                       "there is no such path; known are /v1/status, /v1/explain/<service>, /v1/events, "
                       "/v1/undelivered, /v1/release/<service>, /v1/reload, /v1/version and /metrics",
                       {}});
    }
    if (method != known->method) {
        return tl::make_unexpected(RouteError{405, "this path takes " + std::string(known->method) + " only",
                                              std::string(known->method)});
    }
    Route route;
    route.endpoint = known->endpoint;
    if (known->takes_service) {
        auto service = percent_decode(path.substr(known->path.size()));
        if (!service) return bad_request("the path has a broken %-escape");
        if (service->empty())
            return bad_request("the path ends without a service: " + std::string(known->path) + "<service>");
        route.service = std::move(*service);
    }
    if (route.endpoint != Endpoint::kEvents) {
        if (!query.empty()) return bad_request("this path takes no parameters");
        return route;
    }
    route.query.newest = true;
    if (auto problem = take_query(route, query)) return bad_request(std::move(*problem));
    if (route.follow && route.query.until)
        return bad_request("follow and until exclude each other: what is followed has no end");
    return route;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (c == '\0') return std::nullopt;
        out += c;
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kHex[byte >> 4U];
            out += kHex[byte & 15U];
        }
    }
    return out;
}

}  // namespace governor::http
