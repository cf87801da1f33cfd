// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/http_text.hpp"
#include "policies/readers.hpp"
#include "policies/signal_name.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

/// By what they are for: an application that wants to can still misuse one.
constexpr std::array kHarmless{1, 10, 12, 14, 17, 18, 23, 26, 27, 28, 29, 30};
constexpr const char* kSignalHint =
    "write a signal that the application handles: SIGUSR1, SIGUSR2, SIGHUP or a number";

/// What ends a process without its handler (KILL), stops it, or says that it crashed: their handlers, where
/// there are any, write a core or a report, and finish no work.
constexpr std::array kNotGraceful{4, 5, 6, 7, 8, 9, 11, 19, 20, 21, 22, 31};
constexpr const char* kRecycleHint =
    "write the signal that makes this process finish its work and end: TERM, QUIT, USR1, WINCH or a number";

Parsed<int> refused(std::string message) {
    return {std::nullopt, std::move(message), kSignalHint};
}

}  // namespace

Parsed<int> parse_warn_signal(std::string_view text) {
    const auto signal = parse_signal(text);
    if (!signal) {
        return refused(
            "is not a signal: Docker knows the numbers 1 to 31 and 34 to 64, and names such as "
            "SIGUSR1 or RTMIN+3");
    }
    const bool realtime = *signal >= kSignalRealtimeFirst;
    if (realtime || std::ranges::find(kHarmless, *signal) != kHarmless.end()) return {*signal, {}, {}};
    return refused("is no warning: " + signal_name(*signal) + " ends or stops a process");
}

Parsed<int> parse_recycle_signal(std::string_view text) {
    const auto signal = parse_signal(text);
    if (!signal) {
        return {std::nullopt,
                "is not a signal: Docker knows the numbers 1 to 31 and 34 to 64, and names such as TERM or "
                "RTMIN+3",
                kRecycleHint};
    }
    if (std::ranges::find(kNotGraceful, *signal) == kNotGraceful.end()) return {*signal, {}, {}};
    return {std::nullopt,
            "is no graceful signal: " + signal_name(*signal) +
                " kills, stops or crashes the process, and its work is lost",
            kRecycleHint};
}

std::string warn_url_problem(std::string_view url) {
    if (url.starts_with("https://")) {
        return "https is not offered here: the call stays inside the stack's own network, and a "
               "container about to "
               "run out of memory has no time for a TLS handshake";
    }
    if (!url.starts_with("http://")) return "the URL must begin with http://";
    return url_problem(url);
}

std::optional<HttpCall> read_http_call(YamlReader& reader, const YamlNode& node, std::string_view example) {
    auto url = reader.text(node);
    if (!url) return std::nullopt;
    // The URL itself is not quoted in the message: a variable may have put a token into it.
    if (auto problem = warn_url_problem(*url); !problem.empty()) {
        reader.error(node.at, std::move(problem), "for example: " + std::string(example));
        return std::nullopt;
    }
    return HttpCall{std::move(*url)};
}

std::optional<ExecCall> read_exec_call(YamlReader& reader, const YamlNode& node, std::string_view example) {
    // A string would need a shell to take it apart, and the container may have none.
    if (!reader.expect_list(node, example)) return std::nullopt;
    ExecCall call;
    const auto errors_before = reader.errors();
    reader.strings(node, call.command);
    if (reader.errors() != errors_before) return std::nullopt;
    if (call.command.front().empty()) {
        reader.error(node.items.front()->at, "the command is empty");
        return std::nullopt;
    }
    return call;
}

}  // namespace policies
