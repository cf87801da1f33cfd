// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/diagnostics.hpp"

#include <algorithm>
#include <utility>

namespace policies {
namespace {

/// Longer lines are no help on a screen; the caret's neighbourhood is shown instead.
constexpr std::size_t kSnippetCharacters = 120;

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::string hex_byte(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(c);
    return {kDigits[value >> 4U], kDigits[value & 0xFU]};
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// The byte offset of the 0-based character `index`.
std::size_t offset_of_character(std::string_view text, std::size_t index) {
    std::size_t at = 0;
    while (at < text.size() && index > 0) {
        ++at;
        while (at < text.size() && is_continuation(text[at])) ++at;
        --index;
    }
    return at;
}

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

/// The part of a line that is shown, and the blanks that put a caret below the column.
std::pair<std::string, std::string> around(const std::string& line, int column) {
    auto before = static_cast<std::size_t>(std::max(column, 1) - 1);
    std::string_view shown = line;
    if (before > kSnippetCharacters * 2 / 3) {
        const auto skipped = before - kSnippetCharacters / 2;
        shown.remove_prefix(offset_of_character(shown, skipped));
        before -= skipped;
    }
    shown = shown.substr(0, offset_of_character(shown, kSnippetCharacters));
    std::string blanks;
    // Tabs stay tabs, so that the caret is below its character whatever a terminal makes of them.
    for (const char c : shown.substr(0, offset_of_character(shown, before))) {
        if (!is_continuation(c)) blanks += c == '\t' ? '\t' : ' ';
    }
    return {std::string(shown), blanks};
}

/// How many bytes a UTF-8 character that starts with `lead` has; 0 when none starts so.
std::size_t utf8_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead < 0xE0) return 2;
    if (lead >= 0xE0 && lead < 0xF0) return 3;
    if (lead >= 0xF0 && lead < 0xF5) return 4;
    return 0;
}

bool is_utf8_character(std::string_view text, std::size_t at, std::size_t length) {
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_continuation(text[at + i])) return false;
    }
    const auto lead = static_cast<unsigned char>(text[at]);
    const auto second = length > 1 ? static_cast<unsigned char>(text[at + 1]) : 0;
    // Overlong forms, surrogates, and what is above U+10FFFF.
    return !((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) ||
             (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90));
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_control(c)) {
            out += "\\x" + hex_byte(c);
        } else {
            out += c;
        }
    }
    return out;
}

std::optional<NotText> find_not_text(std::string_view text) {
    Position at;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (is_control(c) && c != '\n' && c != '\r' && c != '\t') {
            return NotText{at, "this is not a text file: it has the byte 0x" + hex_byte(c)};
        }
        const auto length = utf8_length(static_cast<unsigned char>(c));
        if (!is_utf8_character(text, i, length)) {
            return NotText{at, "this is not a UTF-8 text file: it has the byte 0x" + hex_byte(c)};
        }
        i += length;
        at.column += static_cast<int>(length);
        if (c == '\n') at = {at.line + 1, 1};
    }
    return std::nullopt;
}

SourceLines::SourceLines(const Source& source) : source_(&source) {
    std::string_view rest = source.text;
    // yaml-cpp does not count a byte order mark, and no editor shows it.
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    while (true) {
        const auto end = rest.find('\n');
        auto line = rest.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines_.push_back(line);
        if (end == std::string_view::npos) return;
        rest.remove_prefix(end + 1);
    }
}

Position SourceLines::shown_place(Position at) const {
    at.line = std::clamp(at.line, 1, static_cast<int>(lines_.size()));
    const auto line = lines_[static_cast<std::size_t>(at.line) - 1];
    const auto bytes_before = std::min(static_cast<std::size_t>(std::max(at.column, 1) - 1), line.size());
    at.column = static_cast<int>(count_characters(line.substr(0, bytes_before))) + 1;
    return at;
}

Diagnostic SourceLines::diagnose(Severity severity, Position at, std::string message,
                                 std::string hint) const {
    const auto shown = shown_place(at);
    const auto line = this->line(at);
    return {.severity = severity,
            .file = source_->file,
            .line = shown.line,
            .column = shown.column,
            .path = {},
            .message = std::move(message),
            .hint = std::move(hint),
            .snippet = line.size() <= kLongestSnippet ? std::string(line) : std::string()};
}

std::string_view SourceLines::line(Position at) const {
    return lines_[static_cast<std::size_t>(std::clamp(at.line, 1, static_cast<int>(lines_.size()))) - 1];
}

std::string SourceLines::place(Position at) const {
    const auto shown = shown_place(at);
    return source_->file + ":" + std::to_string(shown.line) + ":" + std::to_string(shown.column);
}

std::string to_string(const Diagnostic& diagnostic) {
    std::string out = printable(diagnostic.file);
    if (diagnostic.line > 0) {
        out += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
    }
    if (!out.empty()) out += ": ";
    out += diagnostic.severity == Severity::kError ? "error: " : "warning: ";
    out += printable(diagnostic.message);
    if (!diagnostic.path.empty()) out += " [" + printable(diagnostic.path) + "]";
    if (!diagnostic.snippet.empty()) {
        const auto [shown, blanks] = around(diagnostic.snippet, diagnostic.column);
        std::string clean;
        for (const char c : shown) clean += is_control(c) && c != '\t' ? '?' : c;
        out += "\n    " + clean + "\n    " + blanks + "^";
    }
    if (!diagnostic.hint.empty()) out += "\n    hint: " + printable(diagnostic.hint);
    return out;
}

}  // namespace policies
