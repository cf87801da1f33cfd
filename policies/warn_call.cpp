// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/http_text.hpp"
#include "policies/readers.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

struct SignalName {
    std::string_view name;
    int number;
    bool harmless;  ///< by what it is for: an application that wants to can still misuse it
};

/// Linux's numbers on x86 and ARM.
constexpr std::array<SignalName, 31> kSignals{{
    {"HUP", 1, true},      {"INT", 2, false},   {"QUIT", 3, false},  {"ILL", 4, false},   {"TRAP", 5, false},
    {"ABRT", 6, false},    {"BUS", 7, false},   {"FPE", 8, false},   {"KILL", 9, false},  {"USR1", 10, true},
    {"SEGV", 11, false},   {"USR2", 12, true},  {"PIPE", 13, false}, {"ALRM", 14, true},  {"TERM", 15, false},
    {"STKFLT", 16, false}, {"CHLD", 17, true},  {"CONT", 18, true},  {"STOP", 19, false}, {"TSTP", 20, false},
    {"TTIN", 21, false},   {"TTOU", 22, false}, {"URG", 23, true},   {"XCPU", 24, false}, {"XFSZ", 25, false},
    {"VTALRM", 26, true},  {"PROF", 27, true},  {"WINCH", 28, true}, {"IO", 29, true},    {"PWR", 30, true},
    {"SYS", 31, false},
}};
/// As glibc and Docker count them.
constexpr int kRealtimeFirst = 34;
constexpr int kRealtimeLast = 64;
constexpr const char* kSignalHint =
    "write a signal that the application handles: SIGUSR1, SIGUSR2, SIGHUP or a number";

Parsed<int> refused(std::string message) {
    return {std::nullopt, std::move(message), kSignalHint};
}

Parsed<int> realtime(std::string_view name) {
    if (name == "RTMIN") return {kRealtimeFirst, {}, {}};
    if (name == "RTMAX") return {kRealtimeLast, {}, {}};
    const bool from_first = name.starts_with("RTMIN+");
    const auto offset = parse_integer(name.substr(6), 0, kRealtimeLast - kRealtimeFirst);
    if (!offset) return refused("is not a real-time signal: they go from RTMIN to RTMIN+30");
    return {from_first ? kRealtimeFirst + *offset.value : kRealtimeLast - *offset.value, {}, {}};
}

Parsed<int> harmless(const SignalName& signal) {
    if (signal.harmless) return {signal.number, {}, {}};
    return refused("is no warning: SIG" + std::string(signal.name) + " ends or stops a process");
}

}  // namespace

Parsed<int> parse_warn_signal(std::string_view text) {
    std::string upper(text);
    for (auto& c : upper) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    std::string_view name = upper;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    if (name == "RTMIN" || name == "RTMAX" || name.starts_with("RTMIN+") || name.starts_with("RTMAX-"))
        return realtime(name);
    if (!name.empty() && name.front() >= '0' && name.front() <= '9') {
        auto number = parse_integer(name, 1, kRealtimeLast);
        if (!number) return refused("is not a signal number: they go from 1 to 64");
        const auto known = std::ranges::find(kSignals, *number.value, &SignalName::number);
        if (known != kSignals.end()) return harmless(*known);
        // 32 and 33 belong to the C library's threads.
        if (*number.value < kRealtimeFirst) return refused("is a signal that the C library keeps for itself");
        return number;
    }
    const auto known = std::ranges::find(kSignals, name, &SignalName::name);
    return known == kSignals.end() ? refused("is not a signal") : harmless(*known);
}

std::string warn_url_problem(std::string_view url) {
    if (url.starts_with("https://")) {
        return "https is not offered for a warning: the call stays inside the stack's own network, and a "
               "container about to "
               "run out of memory has no time for a TLS handshake";
    }
    if (!url.starts_with("http://")) return "the URL must begin with http://";
    return url_problem(url);
}

}  // namespace policies
