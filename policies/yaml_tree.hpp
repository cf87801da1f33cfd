// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/diagnostics.hpp"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// A YAML document as an immutable tree. It is built from yaml-cpp's events rather than from YAML::Node,
/// because the events have what the nodes lose (keys given twice, where a key stands) and can be stopped
/// before depth or aliases do harm.
namespace policies {

struct YamlEntry;

struct YamlNode {
    enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };

    Kind kind = Kind::kNull;
    Position at;
    std::string text;                                    ///< of a scalar
    std::vector<std::shared_ptr<const YamlNode>> items;  ///< of a list
    std::vector<YamlEntry> entries;  ///< of a map, in the order written, duplicates included
    std::size_t weight = 1;          ///< nodes in this tree with every alias written out
    int height = 1;                  ///< levels in it, likewise
};
using YamlNodePtr = std::shared_ptr<const YamlNode>;

struct YamlEntry {
    std::string key;
    Position at;
    YamlNodePtr value;
};

/// One finding of the tree builder.
struct YamlProblem {
    Position at;
    std::string message;
    std::string hint;
};

struct YamlTree {
    YamlNodePtr root;                   ///< null when there is none
    std::vector<YamlProblem> problems;  ///< all of them errors
};

inline constexpr std::size_t kMaxSourceBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxNodes = 100'000;
inline constexpr int kMaxDepth = 64;

/// Never throws. A document with problems may still have a root: the rest of it is worth reading for further
/// errors.
YamlTree parse_yaml(const std::string& text);

}  // namespace policies
