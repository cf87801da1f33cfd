// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/yaml_reader.hpp"

#include <span>
#include <string_view>
#include <vector>

/// One table per YAML object: its keys and how each is read. The table is the only place where a key's name
/// is written, apart from the JSON Schema, which a test compares with the tables.
namespace policies {

template <class T>
struct Field {
    std::string_view key;
    void (*read)(YamlReader&, const YamlNode&, T&);
};

/// An object as the messages and the schema test see it.
struct KeyTable {
    std::string_view object;  ///< "memory"; also the name of its definition in the schema
    std::string_view place;   ///< where people find it: "services.<name>.memory"
    std::string_view example;
    std::vector<std::string_view> keys;
};

template <class T>
struct Fields {
    KeyTable table;
    std::span<const Field<T>> fields;
};

template <class T>
Fields<T> make_fields(std::string_view object, std::string_view place, std::string_view example,
                      std::span<const Field<T>> fields) {
    KeyTable table{object, place, example, {}};
    for (const auto& field : fields) table.keys.push_back(field.key);
    return {std::move(table), fields};
}

/// Every object that the loader reads.
const std::vector<KeyTable>& key_tables();

/// Reports what is no key of the table, and keys given twice. Gives, for each entry, the index of its field;
/// -1: skip it.
std::vector<int> match_keys(YamlReader& reader, const YamlNode& map, const KeyTable& table);

/// Reads a map into `out`. True when all of it was good.
template <class T>
bool read_fields(YamlReader& reader, const YamlNode& node, const Fields<T>& fields, T& out) {
    const auto errors_before = reader.errors();
    if (!reader.expect_map(node, fields.table.example)) return false;
    const auto matched = match_keys(reader, node, fields.table);
    for (std::size_t i = 0; i < node.entries.size(); ++i) {
        if (matched[i] < 0) continue;
        const auto& field = fields.fields[static_cast<std::size_t>(matched[i])];
        const YamlReader::Inside inside(reader, field.key);
        if (node.entries[i].value->kind == YamlNode::Kind::kNull) {
            // The key's place: yaml-cpp puts a missing value wherever the next token is.
            reader.error(node.entries[i].at, "'" + std::string(field.key) + "' has no value",
                         "give it one, or remove the line");
            continue;
        }
        field.read(reader, *node.entries[i].value, out);
    }
    return reader.errors() == errors_before;
}

}  // namespace policies
