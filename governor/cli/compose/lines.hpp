// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/diagnostics.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor::cli::compose {

/// A YAML text as lines that are edited where they stand: what is not edited stays byte for byte, with its
/// line ends. All positions are those of the text as it was given, before any edit.
class Lines {
  public:
    explicit Lines(std::string_view text);

    /// A word within one line: where it begins, how long it is with its quotes, and which quotes it has (0:
    /// none).
    struct Word {
        std::size_t line = 0;
        std::size_t begin = 0;
        std::size_t length = 0;
        char quote = 0;
    };
    /// The word at `at` when it reads `text` and stands on one line; without anchor, tag or block style.
    /// `flow`: inside { } or [ ].
    std::optional<Word> word(policies::Position at, std::string_view text, bool flow) const;

    /// The rest of the line behind `column` (0-based) is blank, or a comment.
    bool nothing_behind(std::size_t line, std::size_t column) const;
    /// Only spaces stand in front of `column` (0-based).
    bool only_spaces_before(std::size_t line, std::size_t column) const;
    std::size_t indentation(std::size_t line) const;
    char at(std::size_t line, std::size_t column) const;

    /// The line behind a block whose first line is `first` and which is indented by `indent`: comments
    /// indented as much belong to it, blank lines at its end do not.
    std::size_t end_of_block(std::size_t first, std::size_t indent) const;

    /// Puts `text` in the word's place, in its quotes. It must need no escaping.
    void replace(const Word& word, std::string_view text);
    /// Puts `text` behind `column` (0-based, the character there stays).
    void insert_behind(std::size_t line, std::size_t column, std::string_view text);
    /// Puts whole lines in front of `line`.
    void insert_lines(std::size_t line, const std::vector<std::string>& lines);

    /// The text with all edits.
    std::string text() const;

  private:
    struct Line {
        std::string text;
        std::string end;  ///< "\n", "\r\n", or nothing on a last line without one
    };
    struct Change {
        std::size_t begin;
        std::size_t length;
        std::string text;
    };

    std::vector<Line> lines_;
    std::map<std::size_t, std::vector<Change>> changes_;
    std::map<std::size_t, std::vector<std::string>> inserted_;
};

}  // namespace governor::cli::compose
