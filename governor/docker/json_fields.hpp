// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/error.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor::docker {

/// Reads the fields of one JSON object into plain members: missing and null leave the default, a wrong type
/// is noted. The first wrong type of a document is kept in the `Failure` that all its readers share, so that
/// a parser is a flat list of reads with one check at the end. Lives on the stack of one parser; the document
/// must outlive it.
class JsonFields {
  public:
    using Failure = std::optional<std::string>;
    using StringMap = std::map<std::string, std::string, std::less<>>;

    JsonFields(const nlohmann::json* value, std::string path, Failure* failure);

    void read(const char* key, std::string& out) const;
    void read(const char* key, bool& out) const;
    void read(const char* key, std::int64_t& out) const;
    void read(const char* key, std::optional<std::int64_t>& out) const;
    void read(const char* key, std::vector<std::string>& out) const;
    void read(const char* key, StringMap& out) const;

    /// The object below `key`; when it is missing, one without fields.
    JsonFields object(const char* key) const;
    /// The value of every field that is an object, by its name.
    std::map<std::string, JsonFields, std::less<>> objects() const;

  private:
    const nlohmann::json* find(const char* key) const;
    void fail(std::string_view key, std::string_view expected, const nlohmann::json& got) const;

    const nlohmann::json* value_;
    std::string path_;
    Failure* failure_;
};

}  // namespace governor::docker
