// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/signal_name.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <map>
#include <string>

namespace policies {
namespace {

/// Docker's Linux table (moby/sys/signal: signal_linux.go).
std::map<std::string, int> dockers_table() {
    std::map<std::string, int> out{
        {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},     {"CHLD", SIGCHLD},
        {"CLD", SIGCHLD},  {"CONT", SIGCONT}, {"FPE", SIGFPE},     {"HUP", SIGHUP},
        {"ILL", SIGILL},   {"INT", SIGINT},   {"IO", SIGIO},       {"IOT", SIGABRT},
        {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},   {"PROF", SIGPROF},
        {"PWR", SIGPWR},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},   {"STKFLT", SIGSTKFLT},
        {"STOP", SIGSTOP}, {"SYS", SIGSYS},   {"TERM", SIGTERM},   {"TRAP", SIGTRAP},
        {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},   {"URG", SIGURG},
        {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"WINCH", SIGWINCH}, {"VTALRM", SIGVTALRM},
        {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"RTMIN", 34},       {"RTMAX", 64}};
    for (int i = 1; i <= 15; ++i) out["RTMIN+" + std::to_string(i)] = 34 + i;
    for (int i = 1; i <= 14; ++i) out["RTMAX-" + std::to_string(i)] = 64 - i;
    return out;
}

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}
std::string mixed(std::string text) {
    for (std::size_t i = 0; i < text.size(); i += 2) text[i] = lower(text.substr(i, 1))[0];
    return text;
}

TEST(SignalName, TakesEverySpellingThatDockerTakes) {
    for (const auto& [name, number] : dockers_table()) {
        for (const std::string& written : {name, "SIG" + name, lower(name), lower("SIG" + name), mixed(name),
                                           mixed("SIG" + name), "sig" + name, "SIG" + lower(name)})
            EXPECT_EQ(parse_signal(written), number) << written;
        EXPECT_EQ(parse_signal(std::to_string(number)), number);
    }
}

TEST(SignalName, TakesNumbersAsGoDoes) {
    EXPECT_EQ(parse_signal("015"), 15);
    EXPECT_EQ(parse_signal("+15"), 15);
    EXPECT_EQ(parse_signal("50"), 50) << "Docker's table has no name for it but RTMAX-14";
}

TEST(SignalName, RefusesWhatDockerRefuses) {
    for (const char* text : {"",         "0",        "-1",          "-15",
                             "32",       "33",       "65",          "99999999999999999999",
                             "SIG",      "SIG15",    "SIGSIGTERM",  "TERMS",
                             " TERM",    "TERM ",    "SIGNONSENSE", "RTMIN+",
                             "RTMIN+0",  "RTMIN+16", "RTMIN+03",    "RTMIN-1",
                             "RTMAX-15", "RTMAX+1",  "RTMIN+-1",    "1.5",
                             "0x0f",     "+",        "-",           "++15",
                             "+-15",     "\xc3\xa4", "UNUSED"})
        EXPECT_EQ(parse_signal(text), std::nullopt) << text;
}

TEST(SignalName, AnUnknownStopSignalIsTerm) {
    EXPECT_EQ(stop_signal_of(""), SIGTERM);
    EXPECT_EQ(stop_signal_of("SIGNONSENSE"), SIGTERM);
    EXPECT_EQ(stop_signal_of("0"), SIGTERM);
    EXPECT_EQ(stop_signal_of("sigusr1"), SIGUSR1);
    EXPECT_EQ(stop_signal_of("SIGRTMAX-3"), 61);
}

TEST(SignalName, PrintsWhatItReads) {
    for (int signal = 1; signal <= 64; ++signal) {
        if (signal == 32 || signal == 33) continue;
        EXPECT_EQ(parse_signal(signal_name(signal)), signal) << signal_name(signal);
        if (signal < 32 && signal != SIGIO) {
            EXPECT_EQ(signal_name(signal), std::string("SIG") + ::sigabbrev_np(signal));
        }
    }
    EXPECT_EQ(signal_name(37), "SIGRTMIN+3");
    EXPECT_EQ(signal_name(61), "SIGRTMAX-3");
    EXPECT_EQ(signal_name(0), "0");
    EXPECT_EQ(signal_name(33), "33");
}

TEST(SignalName, KnowsTheKernelsDefaultActions) {
    for (int signal = 1; signal <= 64; ++signal) {
        const bool ignored = signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
        const bool stops = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
        EXPECT_EQ(default_action(signal), ignored ? DefaultAction::kIgnore
                                          : stops ? DefaultAction::kStop
                                                  : DefaultAction::kTerminate)
            << signal;
    }
}

}  // namespace
}  // namespace policies
