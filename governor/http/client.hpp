// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace governor::http {

/// The command line's side of the control socket. Blocking; every call makes its own connection. For any
/// thread.
class Client {
  public:
    struct Options {
        std::chrono::milliseconds timeout{5'000};  ///< of a whole call; of a stream, until its header
        std::size_t max_body = 64UL << 20U;        ///< bytes
    };
    struct Answer {
        int status = 0;
        std::string body;
    };
    /// Why no answer came: a sentence for a person, with what to do.
    using Error = std::string;

    explicit Client(std::string socket_path) : Client(std::move(socket_path), Options{}) {}
    Client(std::string socket_path, Options options);

    /// `target` is percent-encoded. Every status is an Answer.
    tl::expected<Answer, Error> get(const std::string& target) const { return call("GET", target); }
    tl::expected<Answer, Error> post(const std::string& target) const { return call("POST", target); }
    /// Calls `on_line` for each line of a 200 answer, as it comes, until the stream ends or `on_line` returns
    /// false. Waits without a limit for the next line. Any other status gives its body in the Answer; a
    /// stream that was cut is an error.
    tl::expected<Answer, Error> follow(const std::string& target,
                                       const std::function<bool(std::string_view)>& on_line) const;

  private:
    tl::expected<Answer, Error> call(const std::string& method, const std::string& target) const;

    std::string socket_path_;
    Options options_;
};

}  // namespace governor::http
