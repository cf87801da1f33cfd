// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/diagnostics.hpp"
#include "policies/policy.hpp"
#include "policies/yaml_tree.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace policies {

enum class Zero : std::uint8_t { kRefused, kAllowed };

/// Reads typed values out of one file's tree, and collects what is wrong with them instead of stopping. Every
/// reading function leaves its target as it was when there is an error, so that the documented defaults stand
/// in for what could not be read.
class YamlReader {
  public:
    YamlReader(const SourceLines& lines, const Environment& environment)
        : lines_(&lines), environment_(&environment) {}

    /// While it lives, diagnostics are about this part of the document.
    class Inside {
      public:
        Inside(YamlReader& reader, std::string_view key);
        ~Inside() { reader_->path_.resize(length_); }
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;

      private:
        YamlReader* reader_;
        std::size_t length_;
    };

    void error(Position at, std::string message, std::string hint = {});
    void warning(Position at, std::string message, std::string hint = {});
    std::size_t errors() const { return errors_; }
    const SourceLines& lines() const { return *lines_; }
    /// In the order of the file.
    std::vector<Diagnostic> take_diagnostics();

    /// What stands here may be a secret: diagnostics about its line do not show the line. A text that is a
    /// variable's is no secret yet.
    void hide(const YamlNode& node);
    void hide(Position at);

    /// A scalar with its variables filled in.
    std::optional<std::string> text(const YamlNode& node);
    void size(const YamlNode& node, Size& out, Zero zero);
    /// A size that has no base: percentages are refused.
    void bytes(const YamlNode& node, Size& out, Zero zero);
    void share(const YamlNode& node, Permille& out);
    /// More than zero, and at most `longest`.
    void duration(const YamlNode& node, milliseconds& out, milliseconds longest);
    void duration(const YamlNode& node, milliseconds& out);
    /// At least `shortest`, which may be 0, and at most `longest`.
    void duration(const YamlNode& node, milliseconds& out, milliseconds shortest, milliseconds longest);
    void integer(const YamlNode& node, int& out, int lowest, int highest);
    /// A list of strings; a single string is a list of one.
    void strings(const YamlNode& node, std::vector<std::string>& out);
    /// Only the listed words; gives the index.
    std::optional<std::size_t> choice(const YamlNode& node, std::span<const std::string_view> words);

    /// Says so, and gives false, when the node is not a map or not a list.
    bool expect_map(const YamlNode& node, std::string_view example);
    bool expect_list(const YamlNode& node, std::string_view example);

    /// How a scalar is named in messages: in quotes, with where it comes from when a variable made it.
    static std::string named(const YamlNode& node, std::string_view value);

  private:
    void add(Severity severity, Position at, std::string message, std::string hint);

    const SourceLines* lines_;
    const Environment* environment_;
    std::vector<Diagnostic> diagnostics_;
    std::string path_;
    std::set<int> hidden_lines_;
    bool all_hidden_ = false;
    std::size_t errors_ = 0;
    std::size_t untold_ = 0;
};

/// What a node is, for messages: "a list".
std::string_view kind_name(const YamlNode& node);

/// The value of a key; null when the map has none.
const YamlNode* find_key(const YamlNode& map, std::string_view key);
/// Where a nested key's value stands, or the nearest place above it that exists.
Position place_of(const YamlNode& map, std::initializer_list<std::string_view> keys);

}  // namespace policies
