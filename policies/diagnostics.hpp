// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/load.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policies {

/// A place in a source, 1-based. The column counts bytes, as yaml-cpp does; what is shown to people counts
/// characters.
struct Position {
    int line = 1;
    int column = 1;
    auto operator<=>(const Position&) const = default;
};

/// Longer lines are not shown: hundreds of diagnostics may be about the same one.
inline constexpr std::size_t kLongestSnippet = 4096;

/// A source cut into lines, to show the line that a diagnostic is about. Refers to the Source, which must
/// live as long.
class SourceLines {
  public:
    explicit SourceLines(const Source& source);

    const std::string& file() const { return source_->file; }
    /// Fills in the file and the snippet; a position outside the text is moved to its nearest place.
    Diagnostic diagnose(Severity severity, Position at, std::string message, std::string hint) const;
    /// The line of a position; the nearest one of a position outside the text.
    std::string_view line(Position at) const;
    /// "file:line:col", for a message that speaks of a second place.
    std::string place(Position at) const;

  private:
    /// Inside the text, and with its column in characters.
    Position shown_place(Position at) const;

    const Source* source_;
    std::vector<std::string_view> lines_;
};

/// The first thing in `text` that a text file cannot have: a control character, or bytes that are not UTF-8.
struct NotText {
    Position at;
    std::string message;
};
std::optional<NotText> find_not_text(std::string_view text);

/// Control characters become \x1b and the like: a message must not be able to drive a terminal.
std::string printable(std::string_view text);

}  // namespace policies
