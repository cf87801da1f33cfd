// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/signal_name.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace policies {
namespace {

struct Name {
    std::string_view name;
    int number;
};

/// The first name of a number is the one that signal_name() prints.
constexpr std::array<Name, 34> kNames{{
    {"HUP", 1},   {"INT", 2},   {"QUIT", 3},    {"ILL", 4},   {"TRAP", 5},    {"ABRT", 6},  {"BUS", 7},
    {"FPE", 8},   {"KILL", 9},  {"USR1", 10},   {"SEGV", 11}, {"USR2", 12},   {"PIPE", 13}, {"ALRM", 14},
    {"TERM", 15}, {"CHLD", 17}, {"CONT", 18},   {"STOP", 19}, {"TSTP", 20},   {"TTIN", 21}, {"TTOU", 22},
    {"URG", 23},  {"XCPU", 24}, {"XFSZ", 25},   {"PROF", 27}, {"VTALRM", 26}, {"IO", 29},   {"WINCH", 28},
    {"PWR", 30},  {"SYS", 31},  {"STKFLT", 16}, {"IOT", 6},   {"CLD", 17},    {"POLL", 29},
}};
/// Docker's table counts up to RTMIN+15 and down to RTMAX-14; the numbers between have one name each.
constexpr int kMostUp = 15;
constexpr int kMostDown = 14;

std::optional<int> number_of(std::string_view digits, int lowest, int highest) {
    int value = 0;
    const auto* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end || value < lowest || value > highest)
        return std::nullopt;
    return value;
}

/// Docker's table has "RTMIN+3", but neither "RTMIN+03" nor "RTMIN+0".
std::optional<int> offset_of(std::string_view digits, int highest) {
    if (digits.starts_with('0')) return std::nullopt;
    return number_of(digits, 1, highest);
}

bool is_signal(int number) {
    return (number >= 1 && number < 32) || (number >= kSignalRealtimeFirst && number <= kSignalRealtimeLast);
}

std::optional<int> named(std::string_view name) {
    if (name == "RTMIN") return kSignalRealtimeFirst;
    if (name == "RTMAX") return kSignalRealtimeLast;
    constexpr std::string_view kUp = "RTMIN+";
    constexpr std::string_view kDown = "RTMAX-";
    if (name.starts_with(kUp)) {
        const auto offset = offset_of(name.substr(kUp.size()), kMostUp);
        return offset ? std::optional(kSignalRealtimeFirst + *offset) : std::nullopt;
    }
    if (name.starts_with(kDown)) {
        const auto offset = offset_of(name.substr(kDown.size()), kMostDown);
        return offset ? std::optional(kSignalRealtimeLast - *offset) : std::nullopt;
    }
    const auto* const found = std::ranges::find(kNames, name, &Name::name);
    return found == kNames.end() ? std::nullopt : std::optional(found->number);
}

}  // namespace

std::optional<int> parse_signal(std::string_view text) {
    // Go's strconv.Atoi takes a sign; std::from_chars does not take a plus.
    std::string_view digits = text;
    if (digits.size() > 1 && digits.front() == '+' && digits[1] != '-') digits.remove_prefix(1);
    int number = 0;
    const auto* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, number);
    if (!digits.empty() && parsed.ptr == end)
        return parsed.ec == std::errc{} && is_signal(number) ? std::optional(number) : std::nullopt;

    std::string upper(text);
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    std::string_view name = upper;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    return named(name);
}

int stop_signal_of(std::string_view configured) {
    return parse_signal(configured).value_or(kSignalTerm);
}

std::string signal_name(int signal) {
    if (signal >= kSignalRealtimeFirst && signal <= kSignalRealtimeLast) {
        const int up = signal - kSignalRealtimeFirst;
        const int down = kSignalRealtimeLast - signal;
        if (up <= kMostUp) return up == 0 ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(up);
        return down == 0 ? "SIGRTMAX" : "SIGRTMAX-" + std::to_string(down);
    }
    const auto* const found = std::ranges::find(kNames, signal, &Name::number);
    return found == kNames.end() ? std::to_string(signal) : "SIG" + std::string(found->name);
}

DefaultAction default_action(int signal) {
    switch (signal) {
        case 17:  // CHLD
        case 18:  // CONT
        case 23:  // URG
        case 28:  // WINCH
            return DefaultAction::kIgnore;
        case 19:  // STOP
        case 20:  // TSTP
        case 21:  // TTIN
        case 22:  // TTOU
            return DefaultAction::kStop;
        default:
            return DefaultAction::kTerminate;
    }
}

}  // namespace policies
