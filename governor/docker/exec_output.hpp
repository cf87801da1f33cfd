// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace governor::docker {

/// Takes Docker's multiplexed exec stream apart (8-byte headers: stream, 0, 0, 0, big-endian length) and
/// keeps the first `limit` bytes of stdout and stderr, in the order they came. Pure; one per exec.
class ExecOutput {
  public:
    explicit ExecOutput(std::size_t limit) : limit_(limit) {}

    /// Pieces may be cut anywhere.
    void feed(std::string_view piece);

    const std::string& text() const { return text_; }
    bool truncated() const { return truncated_; }

  private:
    static constexpr std::size_t kHeaderSize = 8;

    std::size_t limit_;
    std::string text_;
    bool truncated_ = false;
    std::array<char, kHeaderSize> header_{};
    std::size_t header_filled_ = 0;
    std::uint32_t payload_left_ = 0;
};

}  // namespace governor::docker
