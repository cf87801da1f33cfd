// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_api.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include <utility>

namespace governor::http {

namespace asio = boost::asio;
using nlohmann::ordered_json;

namespace {

std::string dump(const ordered_json& body) {
    return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        default:
            return "Bad Request";
    }
}

/// When Docker does not answer: what is known without it.
ordered_json version_without_engine(const std::string& engine_version) {
    return {{"Platform", {{"Name", ""}}},
            {"Components", ordered_json::array()},
            {"Version", engine_version},
            {"Os", "linux"}};
}

}  // namespace

struct DockerApi::Answer {
    int status = 200;
    std::string body;
    std::string fields = "Content-Type: application/json\r\n";
    bool head = false;
    int version = 11;
};

std::string DockerApi::head_fields() const {
    return "Api-Version: " + parts_.engine.api_version() +
           "\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Docker/" + parts_.engine_version +
           " (linux)\r\n";
}

asio::awaitable<void> DockerApi::answer(std::shared_ptr<ControlStream> stream, Answer answer,
                                        std::chrono::milliseconds timeout) {
    std::string text = std::string(answer.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ") +
                       std::to_string(answer.status) + " " + std::string(reason_phrase(answer.status)) +
                       "\r\n" + head_fields() + answer.fields +
                       "Content-Length: " + std::to_string(answer.head ? 0 : answer.body.size()) +
                       "\r\nConnection: close\r\n\r\n";
    if (!answer.head) text += answer.body;
    stream->expires_after(timeout);
    co_await asio::async_write(*stream, asio::buffer(text), asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<std::string> DockerApi::version_body() {
    const auto response = co_await parts_.engine.request("GET", "/version", "", parts_.engine_timeout);
    ordered_json body;
    if (response && response->status == 200) body = ordered_json::parse(response->body, nullptr, false);
    if (!body.is_object() || !body.contains("Components") || !body["Components"].is_array())
        body = version_without_engine(parts_.engine_version);
    // The versions that are spoken here: the engine may know newer ones than the governor does.
    body["ApiVersion"] = parts_.engine.api_version();
    body["MinAPIVersion"] = kOldestApi;
    ordered_json component = {{"Name", "Governor"}, {"Version", GOVERNOR_VERSION}};
    component["Details"] = ordered_json::object();
    body["Components"].push_back(std::move(component));
    co_return dump(body);
}

asio::awaitable<void> DockerApi::serve(std::shared_ptr<ControlStream> stream, DockerCall call,
                                       std::chrono::milliseconds write_timeout) {
    Answer out;
    out.version = call.version;
    auto route = find_docker_route(call.method, call.target, parts_.engine.api_version(), parts_.clock());
    if (!route) {
        out.status = route.error().status;
        out.body = dump({{"message", route.error().message}});
        if (out.status == 405) out.fields += "Allow: GET\r\n";
    } else if (route->endpoint == DockerEndpoint::kEvents) {
        co_await stream_events(std::move(stream), std::move(route->events), call.version, write_timeout);
        co_return;
    } else if (route->endpoint == DockerEndpoint::kVersion) {
        out.body = co_await version_body();
    } else {
        out.body = "OK";
        out.head = route->head;
        out.fields =
            "Builder-Version: 2\r\nCache-Control: no-cache, no-store, must-revalidate\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nPragma: no-cache\r\nSwarm: inactive\r\n";
    }
    co_await answer(std::move(stream), std::move(out), write_timeout);
}

}  // namespace governor::http
