// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/lines.hpp"

#include <algorithm>

namespace governor::cli::compose {
namespace {

constexpr std::string_view kBlanks = " \t";

/// The length of a quoted word at the start of `text`, quotes included; 0 when it does not end on this line.
std::size_t quoted_length(std::string_view text) {
    const char quote = text.front();
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (quote == '"' && text[i] == '\\') {
            ++i;
        } else if (text[i] == quote) {
            // '' stands for one quote within single quotes.
            if (quote == '"' || i + 1 >= text.size() || text[i + 1] != '\'') return i + 1;
            ++i;
        }
    }
    return 0;
}

/// The length of a plain word at the start of `text`.
std::size_t plain_length(std::string_view text, bool flow) {
    std::size_t length = 0;
    for (; length < text.size(); ++length) {
        const char c = text[length];
        const bool after_blank = length > 0 && kBlanks.find(text[length - 1]) != std::string_view::npos;
        if (c == '#' && after_blank) break;
        if (flow && std::string_view(",[]{}").find(c) != std::string_view::npos) break;
    }
    while (length > 0 && kBlanks.find(text[length - 1]) != std::string_view::npos) --length;
    return length;
}

/// `text` as it reads within single or double quotes. Words with escapes are not edited: nothing that is
/// looked for has one.
bool reads(std::string_view word, char quote, std::string_view text) {
    if (quote != 0) word = word.substr(1, word.size() - 2);
    return word == text && word.find('\\') == std::string_view::npos &&
           word.find('\'') == std::string_view::npos;
}

}  // namespace

Lines::Lines(std::string_view text) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        std::string_view newline = end == std::string_view::npos ? "" : "\n";
        text.remove_prefix(line.size() + newline.size());
        if (!newline.empty() && line.ends_with('\r')) {
            line.remove_suffix(1);
            newline = "\r\n";
        }
        lines_.push_back({std::string(line), std::string(newline)});
    }
}

char Lines::at(std::size_t line, std::size_t column) const {
    return line < lines_.size() && column < lines_[line].text.size() ? lines_[line].text[column] : '\0';
}

std::optional<Lines::Word> Lines::word(policies::Position at, std::string_view text, bool flow) const {
    Word out{.line = static_cast<std::size_t>(at.line) - 1, .begin = static_cast<std::size_t>(at.column) - 1};
    if (out.line >= lines_.size() || out.begin >= lines_[out.line].text.size()) return std::nullopt;
    const auto rest = std::string_view(lines_[out.line].text).substr(out.begin);
    if (rest.front() == '"' || rest.front() == '\'') {
        out.quote = rest.front();
        out.length = quoted_length(rest);
    } else {
        out.length = plain_length(rest, flow);
    }
    if (out.length == 0 || !reads(rest.substr(0, out.length), out.quote, text)) return std::nullopt;
    return out;
}

bool Lines::nothing_behind(std::size_t line, std::size_t column) const {
    if (line >= lines_.size()) return true;
    const auto rest = std::string_view(lines_[line].text).substr(std::min(column, lines_[line].text.size()));
    const auto first = rest.find_first_not_of(kBlanks);
    return first == std::string_view::npos || (rest[first] == '#' && first > 0);
}

bool Lines::only_spaces_before(std::size_t line, std::size_t column) const {
    return line < lines_.size() && indentation(line) == column;
}

std::size_t Lines::indentation(std::size_t line) const {
    const auto first = lines_[line].text.find_first_not_of(' ');
    return first == std::string::npos ? lines_[line].text.size() : first;
}

std::size_t Lines::end_of_block(std::size_t first, std::size_t indent) const {
    std::size_t end = first + 1;
    for (std::size_t i = first + 1; i < lines_.size(); ++i) {
        const std::string& line = lines_[i].text;
        if (line.find_first_not_of(kBlanks) == std::string::npos) continue;
        const bool inside = indentation(i) >= indent;
        // A comment further to the left ends nothing: what follows it may still be of this block.
        if (!inside && line[indentation(i)] != '#') break;
        if (inside) end = i + 1;
    }
    return end;
}

void Lines::replace(const Word& word, std::string_view text) {
    std::string quoted;
    if (word.quote != 0) quoted += word.quote;
    quoted += text;
    if (word.quote != 0) quoted += word.quote;
    changes_[word.line].push_back({word.begin, word.length, std::move(quoted)});
}

void Lines::insert_behind(std::size_t line, std::size_t column, std::string_view text) {
    changes_[line].push_back({column + 1, 0, std::string(text)});
}

void Lines::insert_lines(std::size_t line, const std::vector<std::string>& lines) {
    auto& here = inserted_[line];
    here.insert(here.end(), lines.begin(), lines.end());
}

std::string Lines::text() const {
    const std::string newline = lines_.empty() || lines_.front().end.empty() ? "\n" : lines_.front().end;
    std::string out;
    for (std::size_t i = 0; i <= lines_.size(); ++i) {
        if (const auto found = inserted_.find(i); found != inserted_.end()) {
            // Behind a last line that has no end the new last one has none either.
            const bool bare = i == lines_.size() && !lines_.empty() && lines_.back().end.empty();
            for (const std::string& line : found->second) out += bare ? newline + line : line + newline;
        }
        if (i == lines_.size()) break;
        std::string line = lines_[i].text;
        if (const auto found = changes_.find(i); found != changes_.end()) {
            auto changes = found->second;
            // From the back, so that the columns of the others stay right.
            std::ranges::sort(changes, std::ranges::greater{}, &Change::begin);
            for (const Change& change : changes) line.replace(change.begin, change.length, change.text);
        }
        out += line + lines_[i].end;
    }
    return out;
}

}  // namespace governor::cli::compose
