// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/types.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace governor::docker {

/// Reads the list of containers as it arrives, one item at a time: Docker's answer has some 2 KB for each, and
/// of thousands neither the text nor its tree may ever be in memory as a whole.
class ContainerListReader {
  public:
    explicit ContainerListReader(std::size_t max_item = 1UL << 20U) : max_item_(max_item) {}

    /// Pieces may be cut anywhere.
    void feed(std::string_view piece);
    /// Once, after the last piece.
    Result<std::vector<ContainerSummary>> finish();

  private:
    enum class Where : unsigned char { kBefore, kInside, kAfter };

    void take(char c);
    void take_in_item(char c);
    void end_item();
    void fail(std::string text);

    std::size_t max_item_;
    Where where_ = Where::kBefore;
    std::string before_;  ///< what came instead of a list
    std::string item_;
    int depth_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
    std::string failure_;
    std::vector<ContainerSummary> containers_;
};

}  // namespace governor::docker
