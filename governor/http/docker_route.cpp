// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_route.hpp"

#include "governor/http/route.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

namespace governor::http {
namespace {

constexpr std::array<std::pair<std::string_view, DockerEndpoint>, 3> kKnown{
    {{"/_ping", DockerEndpoint::kPing},
     {"/version", DockerEndpoint::kVersion},
     {"/events", DockerEndpoint::kEvents}}};

struct Path {
    std::string_view version;  ///< "1.45"; empty without one
    std::string_view rest;     ///< "/events"
    std::string_view query;
};

/// Both parts of "1.45".
std::optional<std::pair<int, int>> parse_version(std::string_view text) {
    const char* const end = text.data() + text.size();
    int major = 0;
    int minor = 0;
    const auto first = std::from_chars(text.data(), end, major);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, minor);
    if (second.ec != std::errc() || second.ptr != end || major < 0 || minor < 0) return std::nullopt;
    return std::pair(major, minor);
}

Path split(std::string_view target) {
    Path path;
    const auto question = target.find('?');
    if (question != std::string_view::npos) path.query = target.substr(question + 1);
    path.rest = target.substr(0, question);
    if (!path.rest.starts_with("/v")) return path;
    const auto slash = path.rest.find('/', 1);
    const auto version = path.rest.substr(2, slash == std::string_view::npos ? slash : slash - 2);
    if (!parse_version(version)) return path;
    path.version = version;
    path.rest = slash == std::string_view::npos ? std::string_view{} : path.rest.substr(slash);
    return path;
}

const std::pair<std::string_view, DockerEndpoint>* find_known(std::string_view rest) {
    const auto* const found =
        std::ranges::find(kKnown, rest, &std::pair<std::string_view, DockerEndpoint>::first);
    return found == kKnown.end() ? nullptr : found;
}

tl::unexpected<DockerError> bad_request(std::string message) {
    return tl::make_unexpected(DockerError{400, std::move(message)});
}

std::optional<std::string> refuse_version(std::string_view version, std::string_view newest) {
    const auto asked = parse_version(version);
    const auto most = parse_version(newest);
    const auto least = parse_version(kOldestApi);
    if (!asked || !most || !least) return std::nullopt;
    const std::string begin = "client version " + std::string(version) + " is too ";
    if (*asked > *most) return begin + "new. Maximum supported API version is " + std::string(newest);
    if (*asked < *least)
        return begin + "old. Minimum supported API version is " + std::string(kOldestApi) +
               ", please upgrade your client to a newer version";
    return std::nullopt;
}

/// As an HTML form's: a plus is a space. `nullopt` for a broken escape.
std::optional<std::map<std::string, std::string>> parse_form(std::string_view query) {
    std::map<std::string, std::string> out;
    while (!query.empty()) {
        const auto ampersand = query.find('&');
        std::string pair(query.substr(0, ampersand));
        query.remove_prefix(ampersand == std::string_view::npos ? query.size() : ampersand + 1);
        if (pair.empty()) continue;
        std::ranges::replace(pair, '+', ' ');
        const auto equals = std::min(pair.find('='), pair.size());
        auto key = percent_decode(std::string_view(pair).substr(0, equals));
        auto value = percent_decode(std::string_view(pair).substr(std::min(equals + 1, pair.size())));
        if (!key || !value) return std::nullopt;
        // The first one counts, as for Docker.
        out.emplace(std::move(*key), std::move(*value));
    }
    return out;
}

tl::expected<EventQuery, std::string> read_events(std::string_view query, WallTime now) {
    const auto form = parse_form(query);
    if (!form) return tl::make_unexpected("the query has a broken %-escape");
    const auto value = [&form](const char* key) {
        const auto found = form->find(key);
        return found == form->end() ? std::string() : found->second;
    };
    EventQuery out;
    const std::string since = value("since");
    const std::string until = value("until");
    for (auto [text, time] : {std::pair(&since, &out.since), std::pair(&until, &out.until)}) {
        if (text->empty()) continue;
        const auto parsed = parse_event_time(*text, now);
        if (!parsed) return tl::make_unexpected(parsed.error());
        *time = *parsed;
    }
    if (out.since && out.until && *out.until < *out.since)
        return tl::make_unexpected("`since` time (" + since + ") cannot be after `until` time (" + until +
                                   ")");
    auto filter = DockerFilter::parse(value("filters"));
    if (!filter) return tl::make_unexpected(std::move(filter.error()));
    out.filter = std::move(*filter);
    return out;
}

}  // namespace

bool is_docker_target(std::string_view target) {
    const Path path = split(target);
    return !path.version.empty() || find_known(path.rest) != nullptr;
}

tl::expected<DockerRoute, DockerError> find_docker_route(std::string_view method, std::string_view target,
                                                         std::string_view newest, WallTime now) {
    const Path path = split(target);
    if (!path.version.empty())
        if (auto problem = refuse_version(path.version, newest)) return bad_request(std::move(*problem));
    const auto* const known = find_known(path.rest);
    if (known == nullptr)
        return tl::make_unexpected(
            DockerError{404,
                        "page not found: of Docker's API the governor serves /_ping, /version and "
                        "/events only; ask Docker on its own socket"});
    DockerRoute route;
    route.endpoint = known->second;
    route.head = method == "HEAD" && route.endpoint == DockerEndpoint::kPing;
    if (method != "GET" && !route.head)
        return tl::make_unexpected(DockerError{405, "this path takes GET only, not " + std::string(method)});
    if (route.endpoint != DockerEndpoint::kEvents) return route;
    auto events = read_events(path.query, now);
    if (!events) return bad_request(std::move(events.error()));
    route.events = std::move(*events);
    return route;
}

}  // namespace governor::http
