// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Names and numbers of signals, by Docker's rules (moby/sys/signal: ParseSignal, ValidSignalForPlatform and
/// the Linux table). The only parser of signal names in this project. Numbers are Linux's on x86 and ARM.
/// Pure.
namespace policies {

inline constexpr int kSignalKill = 9;
inline constexpr int kSignalTerm = 15;
/// Docker counts real-time signals as glibc does: 32 and 33 belong to the C library's threads.
inline constexpr int kSignalRealtimeFirst = 34;
inline constexpr int kSignalRealtimeLast = 64;

/// "SIGTERM", "term", "15", "RTMIN+3", "sigrtmax-3", "POLL": a decimal number, else a name in any case, with
/// or without "SIG". `nullopt`: Docker knows no such signal, or refuses to send it (0, 32, 33, 65, negative).
std::optional<int> parse_signal(std::string_view text);

/// The signal that Docker stops a container with: what its StopSignal names; SIGTERM when that is empty or
/// unknown.
int stop_signal_of(std::string_view configured);

/// "SIGTERM", "SIGRTMIN+3"; the number's digits when it is no signal.
std::string signal_name(int signal);

/// What the kernel does with a signal that a process has no handler for (signal(7)).
enum class DefaultAction : std::uint8_t { kTerminate, kIgnore, kStop };
DefaultAction default_action(int signal);

}  // namespace policies
