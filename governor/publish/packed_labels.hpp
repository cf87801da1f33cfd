// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

namespace governor::publish {

/// A container's labels in one piece of memory: a Compose container has ten and more, the map of them takes
/// three times their text, and they are kept for each container while they are hardly ever looked at.
class PackedLabels {
  public:
    using Map = std::map<std::string, std::string, std::less<>>;

    explicit PackedLabels(const Map& labels);
    Map unpack() const;

  private:
    std::string text_;  ///< key and value in turn, each behind its length; the key's says whether it is one
                        ///< of Compose's
};

}  // namespace governor::publish
