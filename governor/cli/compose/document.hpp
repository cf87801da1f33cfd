// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/diagnostics.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

/// A Compose file as a tree that knows where everything stands in the text, so that the text can be edited by
/// lines. Unlike a policy file it may have tags, aliases and merges (`<<`): they are kept as they are
/// written.
namespace governor::cli::compose {

using policies::Position;

struct Entry;

struct Node {
    enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap, kAlias };

    Kind kind = Kind::kNull;
    Position at;  ///< of its first character; of its anchor or tag, when it has one. Not to be used for kNull
    bool flow = false;  ///< written with { } or [ ]
    std::string tag;    ///< as written; empty when none is
    std::string text;   ///< of a scalar
    std::size_t anchor =
        0;  ///< 0: none; else counted from 1 in the order of the file. Of an alias: its target's
    std::vector<const Node*> items;  ///< of a list
    std::vector<Entry> entries;      ///< of a map, as written
    const Node* target = nullptr;    ///< of an alias
};

struct Entry {
    const Node* key;
    const Node* value;
};

/// Something that stands in the way, and how to mend it.
struct Problem {
    Position at;
    std::string message;
    std::string hint;
};

/// Owns its nodes; pointers to them hold as long as it lives, also when it is moved.
struct Document {
    std::deque<Node> nodes;
    const Node* root = nullptr;  ///< null when there is a problem, or nothing in the file
    std::vector<Problem> problems;
};

/// Never throws. `text` without byte order mark. Refuses what is not YAML, several documents, keys given
/// twice, aliases inside of what they repeat, more than 64 levels and 100,000 values.
Document parse(const std::string& text);

/// The node that an alias stands for; any other is itself.
const Node& resolved(const Node& node);

/// The value of `key` as Compose sees it: the map's own, else of what it merges (`<<`), the first that has
/// it.
struct Found {
    const Entry* entry = nullptr;
    bool own = false;
    explicit operator bool() const { return entry != nullptr; }
    const Node& value() const { return resolved(*entry->value); }
};
Found find(const Node& map, std::string_view key);

/// The text of a scalar below `map`; empty when there is none.
std::string text_at(const Node& map, std::string_view key);

}  // namespace governor::cli::compose
