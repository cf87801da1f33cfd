// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/signals.hpp"

#include <charconv>
#include <csignal>
#include <cstring>

namespace governor::act {

std::optional<int> parse_signal(std::string_view text) {
    if (text.empty()) return SIGTERM;
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) {
        if (number >= 1 && number <= 64) return number;
        return std::nullopt;
    }
    if (text.starts_with("SIG")) text.remove_prefix(3);
    constexpr std::string_view kRealTime = "RTMIN";
    if (text.starts_with(kRealTime)) {
        // Docker counts from the kernel's 34, as glibc does.
        text.remove_prefix(kRealTime.size());
        if (text.empty()) return 34;
        const auto rest = text.substr(1);
        const auto [stop, bad] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
        if (text.front() != '+' || bad != std::errc{} || stop != rest.data() + rest.size() || number > 30)
            return std::nullopt;
        return 34 + number;
    }
    for (int signal = 1; signal < 32; ++signal) {
        const char* name = ::sigabbrev_np(signal);
        if (name != nullptr && text == name) return signal;
    }
    return std::nullopt;
}

bool ends_container(int signal, int stop_signal) {
    return signal == stop_signal || signal == SIGKILL || signal == SIGTERM || signal == SIGINT ||
           signal == SIGQUIT;
}

}  // namespace governor::act
