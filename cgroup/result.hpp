// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace cgroups {

/// An expected failure: what was tried, on what, and why it failed.
struct Error {
    std::error_code code;
    std::string operation;
    std::string subject;

    /// "cannot <operation> <subject>: <reason>".
    std::string message() const { return "cannot " + operation + " " + subject + ": " + code.message(); }
    /// The cgroup or process went away: a normal outcome, never worth an error log.
    bool gone() const {
        return code == std::errc::no_such_file_or_directory || code == std::errc::no_such_device ||
               code == std::errc::no_such_process;
    }
};

/// A value or an Error. Everything in this library that can fail at run time returns one; nothing throws.
template <class T>
using Result = tl::expected<T, Error>;

/// The Error for the current `errno`; call it right after the system call.
inline tl::unexpected<Error> errno_error(std::string_view operation, std::string_view subject) {
    const int saved = errno;
    return tl::make_unexpected(
        Error{std::error_code(saved, std::generic_category()), std::string(operation), std::string(subject)});
}

inline tl::unexpected<Error> make_error(std::errc code, std::string_view operation,
                                        std::string_view subject) {
    return tl::make_unexpected(
        Error{std::make_error_code(code), std::string(operation), std::string(subject)});
}

}  // namespace cgroups
