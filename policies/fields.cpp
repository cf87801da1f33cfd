// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/fields.hpp"

#include "policies/suggest.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace policies {
namespace {

/// Keys that the design has and this version does not act on. They get a message of their own: "did you mean"
/// would be wrong.
constexpr std::array<std::string_view, 2> kLaterKeys{"slow_leak", "reclaim"};

/// The object that does have this key, for somebody who wrote it one level too high or too deep.
const KeyTable* owner_of(std::string_view key) {
    const auto& tables = key_tables();
    const auto found = std::ranges::find_if(tables, [&](const KeyTable& table) {
        return std::ranges::find(table.keys, key) != table.keys.end();
    });
    return found == tables.end() ? nullptr : &*found;
}

void report_unknown(YamlReader& reader, const YamlEntry& entry, const KeyTable& table) {
    const auto key = entry.key.substr(0, 80);
    if (std::ranges::find(kLaterKeys, std::string_view(entry.key)) != kLaterKeys.end()) {
        reader.error(entry.at, "this version of governor does not know '" + key + "' yet",
                     "remove it: a key that would do nothing is never accepted");
        return;
    }
    std::string hint;
    if (const auto near = nearest(entry.key, table.keys)) {
        hint = "did you mean '" + std::string(*near) + "'?";
    } else if (const auto* owner = owner_of(entry.key)) {
        hint = "'" + key + "' belongs to " + std::string(owner->place);
    } else {
        hint = "known here: " + joined(table.keys);
    }
    reader.error(entry.at, "unknown key '" + key + "'", std::move(hint));
}

}  // namespace

std::vector<int> match_keys(YamlReader& reader, const YamlNode& map, const KeyTable& table) {
    std::vector<int> matched;
    std::unordered_map<std::string_view, Position> seen;
    for (const auto& entry : map.entries) {
        matched.push_back(-1);
        // Not quoted and not shown: webhooks' addresses are often secret.
        if (entry.key.find("://") != std::string::npos) {
            reader.hide(entry.at);
            reader.error(entry.at, "an address stands where a key belongs",
                         "known here: " + joined(table.keys));
            continue;
        }
        const auto found = std::ranges::find(table.keys, std::string_view(entry.key));
        const YamlReader::Inside inside(reader, entry.key);
        if (found == table.keys.end()) {
            report_unknown(reader, entry, table);
            continue;
        }
        if (const auto [first, is_new] = seen.emplace(entry.key, entry.at); !is_new) {
            reader.error(
                entry.at,
                "the key '" + entry.key + "' is given twice; first at " + reader.lines().place(first->second),
                "YAML would silently keep one of them");
            continue;
        }
        matched.back() = static_cast<int>(found - table.keys.begin());
    }
    return matched;
}

}  // namespace policies
